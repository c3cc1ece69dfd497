"""Clients of running services: HTTP/JSON, etcd, Redis, SQL databases, and anything a user writes a Client class for.

A service answers ok, or refuses before anything happened (fail), or leaves the outcome unknown (info): each file says
which answers of its service mean what. In doubt means info: a false `fail` would accuse a healthy system.
"""
