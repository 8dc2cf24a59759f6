"""The web side: what lies in the output folder, over HTTP, and pages rendered when asked for."""
