"""The processes that do the work: engines, executor, dispatcher, supervisor, command line."""
