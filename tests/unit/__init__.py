"""The pure core, without a cluster, a clock or a socket. One folder for each folder of operator/paramedic."""
