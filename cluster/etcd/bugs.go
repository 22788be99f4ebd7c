package etcd

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/cluster/etcd/watch"
	"github.com/fauxkube/fauxkube/sim/failpoints"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Bug is a mistake that can be planted, to show that it is found: the mechanism of one that etcd has had, or of one that
// every store of this kind must not have. Its name is a failpoint's.
type Bug struct {
	Name string
	// Issue is etcd's, where there is one.
	Issue string
	What  string
	plant func(*bugs)
}

// Bugs lists the bugs that can be planted in a member; those of clients are in ClientBugs.
func Bugs() []Bug { return memberBugs }

// bugs are those that are planted in a member. Members ask when they start, so that a bug that is not planted costs
// nothing but a look at a bool: BenchmarkPutThreeMembersThousandClients takes as long as with every look left out of the
// program (ratio of processor times 0.995, the median of eight pairs of runs).
type bugs struct {
	ackBeforeSync, voteBeforeSync  bool
	singleMemberAcks               bool
	indexBeforeState               bool
	revisionFromRecords            bool
	changesToldAgain               bool
	readIndexReused                bool
	readsLocal, readsBeforeApplied bool
	oldLeaderRevokes               bool
	watch                          watch.Bugs
	keys                           mvcc.Bugs
}

var memberBugs = []Bug{
	{"etcd/ack-before-sync", "", "a follower acknowledges entries before they are durable", func(b *bugs) { b.ackBeforeSync = true }},
	{"etcd/vote-before-sync", "", "a member votes before the vote is durable", func(b *bugs) { b.voteBeforeSync = true }},
	{"etcd/single-member-acks", "14370", "the only member applies and answers before its log is durable", func(b *bugs) { b.singleMemberAcks = true }},
	{"etcd/index-before-state", "13766", "under load a saved state claims entries that it does not contain", func(b *bugs) { b.indexBeforeState = true }},
	{"etcd/revision-from-records", "17780", "after a restart the revision is that of the newest record that compaction left", func(b *bugs) {
		b.revisionFromRecords, b.keys.CompactionDropsTombstone = true, true
	}},
	{"etcd/read-index-reused", "20418", "a question about the commit index is asked again under the same name", func(b *bugs) { b.readIndexReused = true }},
	{"etcd/stale-read", "", "a linearizable read is served from the local state", func(b *bugs) { b.readsLocal = true }},
	{"etcd/read-before-applied", "3879", "a linearizable read does not wait for the state to get to the commit index", func(b *bugs) { b.readsBeforeApplied = true }},
	{"etcd/old-leader-revokes", "12528, 15247", "a leader that has been replaced behind a stalled disk ends leases by way of its successor", func(b *bugs) { b.oldLeaderRevokes = true }},
	{"etcd/txn-reads-own-floor", "18667", "a range in a transaction is judged by what this member has compacted", func(b *bugs) { b.keys.TxnJudgesByFloor = true }},

	{"etcd/progress-out-of-step", "15220", "progress is told to a watcher that is behind", func(b *bugs) { b.watch.ProgressOutOfStep = true }},
	{"etcd/progress-behind-start", "15271", "a member that is behind tells its revision to a watch that begins later", func(b *bugs) { b.watch.ProgressBehindStart = true }},
	{"etcd/restore-rewinds", "", "after a snapshot from the leader watches begin where they began once", func(b *bugs) { b.watch.RestoreRewinds = true }},
	{"etcd/future-watch-lowered", "20221", "after a snapshot from the leader watches of the future get what is older", func(b *bugs) { b.watch.FutureLowered = true }},
	{"etcd/changes-told-again", "17247", "a transaction that writes nothing tells the changes of the one before it again", func(b *bugs) { b.changesToldAgain = true }},
	{"etcd/starved-watch-skips", "17529", "a slow watch that compaction has passed goes on behind it", func(b *bugs) { b.watch.StarvedSkips = true }},
	{"etcd/compaction-drops-delete", "18089", "a compaction takes the deletion at its revision from watches that are behind", func(b *bugs) { b.keys.CompactionDropsTombstone = true }},
	{"etcd/watch-misses-delete", "19179", "a watch from the compacted revision misses a deletion there", func(b *bugs) { b.watch.MissesDeleteAtCompaction = true }},
}

// ClientBugs lists the bugs that can be planted in clients.
func ClientBugs() []Bug {
	return []Bug{{Name: writeRetried, What: "a client sends a write again whose answer it has not got"}}
}

const writeRetried = "etcd/write-retried"

func plantedIn(p *host.Process) (planted bugs) {
	for i := range memberBugs {
		if failpoints.Planted(p, memberBugs[i].Name) {
			memberBugs[i].plant(&planted)
		}
	}
	return planted
}

// sendEarly sends acknowledgements or votes before the disk is asked.
func (m *Member) sendEarly() {
	var early, rest []raftpb.Message
	for _, message := range m.ready.Messages {
		if m.bugs.ackBeforeSync && message.Type == raftpb.MsgAppResp || m.bugs.voteBeforeSync && message.Type == raftpb.MsgVoteResp {
			early = append(early, message)
		} else {
			rest = append(rest, message)
		}
	}
	m.ready.Messages = rest
	m.send(early)
}

// enqueueEarly applies the entries of the only member before the disk has them.
func (m *Member) enqueueEarly(entries []raftpb.Entry) {
	if len(m.confState.Voters) != 1 || !m.IsLeader() {
		return
	}
	for i := range entries {
		if entries[i].Type != raftpb.EntryNormal || entries[i].Index != m.queued()+1+uint64(i) {
			return
		}
	}
	m.enqueue(entries)
}

// dropQueued leaves out what has been queued before.
func (m *Member) dropQueued(entries []raftpb.Entry) []raftpb.Entry {
	last := m.queued()
	for len(entries) > 0 && entries[0].Index <= last {
		entries = entries[1:]
	}
	return entries
}

// queued is the last entry that has been applied or is about to be.
func (m *Member) queued() uint64 {
	for _, list := range [2][]raftpb.Entry{m.toApply, m.applying} {
		if n := len(list); n > 0 {
			return list[n-1].Index
		}
	}
	return m.applied
}

// toldAgain is what watchers are told where the changes before are mistaken for a transaction's own.
func (m *Member) toldAgain(c *Command, changes []*mvcc.Record) []*mvcc.Record {
	if _, ok := c.request.(*TxnRequest); ok && len(changes) == 0 {
		return m.told
	}
	if len(changes) > 0 {
		m.told = append([]*mvcc.Record(nil), changes...)
	}
	return changes
}
