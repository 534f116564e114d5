"""BigQuery as a warehouse.

`client`, `errors` and `warehouse` import Google's libraries, which take half a second, so these
modules are imported only to open it.
"""
