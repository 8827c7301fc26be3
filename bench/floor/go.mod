module paramedic.dev/bench/floor

go 1.24
