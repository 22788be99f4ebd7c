package etcd

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd/backup"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Peer is a member as the cluster knows it.
type Peer struct {
	ID            uint64 // 0: derived from the name.
	Name          string
	PeerAddress   network.Address
	ClientAddress network.Address
	// Learner receives the log but has no vote.
	Learner bool
}

// MemberConfig is a member's command line. Zero fields mean etcd's defaults (server/embed/config.go).
type MemberConfig struct {
	Name                       string
	Network                    *network.Network
	ClientAddress, PeerAddress network.Address
	// InitialCluster are the members that the cluster is started with, this one included. Once a member has state on
	// its disk that decides instead.
	InitialCluster []Peer
	// Join: the member was added to a running cluster, which will send it the state.
	Join bool
	// Restore is the state that a new cluster begins with instead of an empty one; all its members need the same.
	Restore *backup.Backup
	// Canonical is the history that all members of the store share.
	Canonical *Canonical
	Metrics   *metrics.Registry

	HeartbeatInterval time.Duration // 100 ms.
	ElectionTimeout   time.Duration // 1 s.
	SnapshotEntries   uint64        // 10,000 entries from one snapshot to the next.
	CatchUpEntries    uint64        // 5,000 entries are kept for slow followers.
	MaxRequestBytes   int           // 1.5 MiB.
	MaxTxnOps         int           // 128.
	QuotaBytes        int64         // 2 GiB.
	// WatchProgressInterval is --watch-progress-notify-interval: 10 min; kubeadm sets 5 s.
	WatchProgressInterval time.Duration
	// CompactionMode and CompactionRetention are --auto-compaction-mode and -retention; Kubernetes compacts by itself.
	CompactionMode      CompactionMode
	CompactionRetention int64

	// Exit is called when the member ends itself: the disk fails or the log is damaged. Without it the process is killed.
	Exit func(err error)
}

func (c MemberConfig) withDefaults() MemberConfig {
	orDefault(&c.HeartbeatInterval, 100*time.Millisecond)
	orDefault(&c.ElectionTimeout, time.Second)
	orDefault(&c.SnapshotEntries, 10_000)
	orDefault(&c.CatchUpEntries, 5_000)
	orDefault(&c.MaxRequestBytes, 3<<19)
	orDefault(&c.MaxTxnOps, 128)
	orDefault(&c.QuotaBytes, 2<<30)
	orDefault(&c.WatchProgressInterval, 10*time.Minute)
	if c.Metrics == nil {
		c.Metrics = metrics.NewRegistry()
	}
	return c
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// electionTicks is the election timeout in heartbeats.
func (c *MemberConfig) electionTicks() int { return int(c.ElectionTimeout / c.HeartbeatInterval) }

// requestTimeout is how long a request waits for agreement (server/config: ReqTimeout).
func (c *MemberConfig) requestTimeout() time.Duration { return 5*time.Second + 2*c.ElectionTimeout }

// minLeaseTTLSeconds is the shortest lease: one and a half election timeouts, rounded up (etcdserver: minTTL).
func (c *MemberConfig) minLeaseTTLSeconds() int64 {
	return int64((3*c.ElectionTimeout/2 + time.Second - 1) / time.Second)
}

// diskPrefix is the directory of the member's files.
func (c *MemberConfig) diskPrefix() string { return "etcd/" + c.Name + "/" }

// memberID derives a member's id from its name. It is never 0, and its highest bit is not set, for lease ids.
func memberID(name string) uint64 {
	return sim.HashString("etcd/"+name)>>1 | 1
}

func (p Peer) withID() Peer {
	if p.ID == 0 {
		p.ID = memberID(p.Name)
	}
	return p
}

// Numbers of etcd that have no flag.
const (
	// maxCommittedGap is how far applying may lag behind before requests are refused (v3_server.go).
	maxCommittedGap = 5000
	// maxMessageBytes bounds the entries of one append message (etcdserver/raft.go: maxSizePerMsg).
	maxMessageBytes = 512 << 10
	// maxInflightMessages bounds the append messages under way to a follower (raft.go: maxInflightMsgs).
	maxInflightMessages = 4096 / 8
	// readIndexRetry is when a read's question to the leader is asked again (readIndexRetryTime).
	readIndexRetry = 500 * time.Millisecond
	// watchSyncInterval is how often watchers that are behind are served (watchResyncPeriod).
	watchSyncInterval = 100 * time.Millisecond
	// fragmentBytes is the size above which responses to watchers that allow it are split: the request limit plus
	// gRPC's overhead of 512 KiB.
	fragmentOverheadBytes = 512 << 10
	// Backend commits (server/storage/backend): every 100 ms or 10,000 operations.
	backendInterval = 100 * time.Millisecond
	backendLimit    = 10_000
	// noLeaderPeriods is for how many election timeouts a member may be without a leader before watches that require
	// one end (v3rpc/interceptor.go: maxNoLeaderCnt).
	noLeaderPeriods = 3
)
