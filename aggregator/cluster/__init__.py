"""One installation in many processes, on one PostgreSQL: nothing of a queue, a lock service or a broker is ours.

    aggregator run      keeps the clock, while it is the leader; publishes, scans folders, serves
    aggregator worker   checks, groups, indexes: on any machine, as many as there are

The truth stays where it is for a single process: when a source is due, and what is behind, are columns. The leader
turns them into jobs of Procrastinate, again and again; a job only says where to look. So a job that is lost is made
again, one that runs twice finds nothing to do the second time, and nothing waits for a job that never comes.

* `jobs`          what can be done, in which queue, and what keeps two of a kind apart
* `leader`        who keeps the clock; turns what is due and what is behind into jobs
* `working`       what a process does with jobs
* `distribution`  the configuration, for those that have no file
* `manners`       what hosts asked for, shared
* `reporting`     what each process tells of itself
* `running`       the process of `aggregator run`
"""
