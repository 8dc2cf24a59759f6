"""config.yaml: what may stand in it (`schema`) and how it is read (`load`)."""
