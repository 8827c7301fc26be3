#!/bin/sh
# Every process of checkout hangs: it takes connections, and answers none.
for pod in $(kubectl get pods -n shop -l app=checkout -o name); do
  kubectl exec -n shop "$pod" -- sh -c 'kill -STOP $(busybox pidof httpd)'
done
