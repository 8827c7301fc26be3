"""The only place that talks to Kubernetes, and the in-memory cluster that stands in for it.

`Transport` is one request; `RestTransport` sends it to an API server, `FakeCluster` answers it from memory. `Api` says
what requests mean. Everything above is the same code over either.
"""
