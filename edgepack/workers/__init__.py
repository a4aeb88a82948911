"""Programs run in a process of their own: started, given a job, watched, and their one result read."""
