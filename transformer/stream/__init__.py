"""The stream engine: documents, nodes with positions, scalars as Kubernetes reads them, edits as splices.

It knows YAML and bytes, nothing of meshes, and imports nothing else of the package.
"""
