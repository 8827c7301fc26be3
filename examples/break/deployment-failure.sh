#!/bin/sh
# Somebody deploys an image that does not exist.
kubectl set image deployment/checkout web=localhost/web:v3 -n shop
