"""paramedic.dev/v1alpha1. The pydantic models here are the schema: `crds/` is generated from them."""
