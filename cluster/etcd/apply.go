package etcd

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// enqueue takes committed entries, to be applied in order beside what raft does next.
func (m *Member) enqueue(entries []raftpb.Entry) {
	if m.bugs.singleMemberAcks {
		entries = m.dropQueued(entries)
	}
	if len(entries) == 0 {
		return
	}
	m.committed = max(m.committed, entries[len(entries)-1].Index)
	if len(m.toApply) == 0 {
		m.toApply = entries[:len(entries):len(entries)]
	} else {
		m.toApply = append(m.toApply, entries...)
	}
	m.startApply()
}

// startApply charges the processor for all that waits; it is applied when that is done.
func (m *Member) startApply() {
	if m.applying != nil || len(m.toApply) == 0 {
		return
	}
	m.applying, m.toApply = m.toApply, nil
	m.process.Charge(m.ops.apply, int64(len(m.applying)), 0, m.kinds.applied, m.applying[0].Index, m)
}

func applyEntries(first uint64, ref any) {
	m := ref.(*Member)
	batch := m.applying
	if m.stopped || len(batch) == 0 || batch[0].Index != first {
		return // A snapshot from the leader has overtaken it.
	}
	for i := range batch {
		m.applyEntry(&batch[i])
	}
	m.applying = nil
	m.afterApply()
	m.startApply()
	if m.node.HasReady() {
		m.run()
	}
}

// afterApply serves those who waited for the state to get on.
func (m *Member) afterApply() {
	m.metrics.applied.Set(int64(m.applied))
	m.metrics.committed.Set(int64(m.committed))
	m.serveReads()
	m.flushWatches()
	m.release()
	m.maybeSnapshot()
}

// applyEntry applies one entry of the log and answers whoever proposed it here.
func (m *Member) applyEntry(e *raftpb.Entry) {
	if e.Index != m.applied+1 {
		panic("etcd: an entry is applied out of order")
	}
	m.applied = e.Index
	if e.Type != raftpb.EntryNormal {
		m.applyConfChange(e)
		return
	}
	c := commandOf(e)
	if c == nil { // A new leader's first entry: everything from before its term has been applied now.
		m.history = m.canonical.observe(m, e, nil, nil)
		if m.IsLeader() && e.Term == m.term {
			m.confirmed = e.Term
			m.promoteLessor()
		}
		return
	}
	mine := c.proposer == m && c.listed && m.canAnswer(c)
	full := m.full(spaceBytes(c.request))
	response, size, err := m.applyCommand(c, mine)
	changes := m.changesOf(c, err)
	m.history = m.canonical.observe(m, e, changes, err)
	if m.bugs.changesToldAgain {
		changes = m.toldAgain(c, changes)
	}
	if len(changes) > 0 {
		m.hub.Notify(changes)
		m.backend.note(m, len(changes))
	}
	switch {
	case full && err == nil:
		m.failFull(c, mine)
	case mine && isCompaction(c):
		m.answerCompaction(c, response, size, err)
	case mine:
		m.answer(c, response, size, err)
	}
}

func isCompaction(c *Command) bool {
	_, ok := c.request.(*CompactionRequest)
	return ok
}

// canAnswer reports whether the state has what the answer needs. Where it has not, the client hears nothing until its time is
// up: records are shared between the states of one history, which etcd's members do not do.
func (m *Member) canAnswer(c *Command) bool {
	r, ok := c.request.(*TxnRequest)
	return !ok || m.store.CanAnswer(r)
}

// changesOf returns what a command has written. The keyspace remembers its last write only.
func (m *Member) changesOf(c *Command, err error) []*mvcc.Record {
	if err != nil {
		return nil
	}
	switch c.request.(type) {
	case *PutRequest, *DeleteRangeRequest, *TxnRequest, *LeaseRevokeRequest, *LeaseExpiry:
		return m.store.Changes()
	default:
		return nil
	}
}

// applyCommand changes the state. Every member comes to the same result; only the one that answers builds a response.
func (m *Member) applyCommand(c *Command, respond bool) (response any, size int, err error) {
	if err := m.alarms.refuse(c.request); err != nil {
		return nil, 0, err
	}
	switch r := c.request.(type) {
	case *PutRequest:
		response, err := m.store.Put(r, respond)
		if response == nil {
			return nil, 0, err
		}
		m.fill(&response.Header)
		return response, response.SizeBytes(), err
	case *TxnRequest:
		return m.applyTxn(r, respond)
	case *DeleteRangeRequest:
		response := m.store.DeleteRange(r, respond)
		if response == nil {
			return nil, 0, nil
		}
		m.fill(&response.Header)
		return response, response.SizeBytes(), nil
	case *CompactionRequest:
		return m.applyCompaction(r)
	case *LeaseGrantRequest:
		return m.applyGrant(r)
	case *LeaseRevokeRequest:
		return m.applyRevoke(r.ID)
	case *LeaseExpiry:
		return m.applyRevoke(r.ID)
	case *AlarmRequest:
		return m.applyAlarm(r)
	default:
		panic("etcd: an unknown command was committed")
	}
}

func (m *Member) applyTxn(r *TxnRequest, respond bool) (any, int, error) {
	response, err := m.store.Txn(r, respond)
	if response == nil {
		return nil, 0, err
	}
	m.fill(&response.Header)
	return response, response.SizeBytes(), err
}

// fill completes a header of which the keyspace has set the revision.
func (m *Member) fill(h *Header) {
	h.ClusterID, h.MemberID, h.RaftTerm = m.clusterID, m.id, m.term
}

// headerBytes is the modelled size of a response that is a header alone.
const headerBytes = 32

// worked ends work that nobody waits for: it has kept a core busy.
func worked(_ uint64, ref any) {
	if m := ref.(*Member); !m.stopped {
		m.updateSizes()
	}
}
