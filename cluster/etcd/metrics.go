package etcd

import "github.com/fauxkube/fauxkube/cluster/metrics"

// memberMetrics are a member's series, under etcd's names.
type memberMetrics struct {
	walSync, backendCommit      *metrics.Histogram
	isLeader, hasLeader         *metrics.Gauge
	leaderChanges, failed       *metrics.Counter
	committed, applied, pending *metrics.Gauge
	totalSize, inUseSize, quota *metrics.Gauge
	watchers                    *metrics.Gauge
}

func newMemberMetrics(r *metrics.Registry) memberMetrics {
	return memberMetrics{
		walSync:       r.Histogram("etcd_disk_wal_fsync_duration_seconds"),
		backendCommit: r.Histogram("etcd_disk_backend_commit_duration_seconds"),
		isLeader:      r.Gauge("etcd_server_is_leader"),
		hasLeader:     r.Gauge("etcd_server_has_leader"),
		leaderChanges: r.Counter("etcd_server_leader_changes_seen_total"),
		committed:     r.Gauge("etcd_server_proposals_committed_total"),
		applied:       r.Gauge("etcd_server_proposals_applied_total"),
		pending:       r.Gauge("etcd_server_proposals_pending"),
		failed:        r.Counter("etcd_server_proposals_failed_total"),
		totalSize:     r.Gauge("etcd_mvcc_db_total_size_in_bytes"),
		inUseSize:     r.Gauge("etcd_mvcc_db_total_size_in_use_in_bytes"),
		quota:         r.Gauge("etcd_server_quota_backend_bytes"),
		watchers:      r.Gauge("etcd_debugging_mvcc_watcher_total"),
	}
}
