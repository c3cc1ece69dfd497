"""SQL databases: `databases` connects and sorts their errors, `operations` has the statements, `client` the outcomes.

Client and drivers are synchronous here, each on a thread of its own (`targets.backends.clients.threads`).
"""
