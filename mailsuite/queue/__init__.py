"""Mail that waits for other servers: its files, its schedule, the attempts to deliver it, notices of failure."""
