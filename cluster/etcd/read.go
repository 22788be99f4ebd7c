package etcd

import (
	"encoding/binary"

	"go.etcd.io/raft/v3"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// reads are the linearizable reads of a member. A read may be served once the member has applied everything that was
// committed when the read came; what that is only the leader knows, and it must ask a majority whether it still leads.
// One such round serves all reads that came before it began; those that come while it is under way share the next.
type reads struct {
	// next wait for a round to begin, current for the one under way to be answered, agreed for the state to get on.
	next, current []read
	agreed        []agreedRead
	// asking says that a round is under way; its questions are numbered from first to last.
	asking      bool
	first, last uint64
	began       sim.Monotonic
	retry       sim.Timer
}

// read is a request that waits for the state to be recent enough.
type read struct {
	call    *network.ServerCall
	arrived sim.Monotonic
}

type agreedRead struct {
	read
	index uint64
}

// serveRange answers a range: at once from the local state where it is serializable, after a round otherwise.
func (m *Member) serveRange(c *network.ServerCall, serializable bool) {
	if serializable || m.bugs.readsLocal {
		m.serveRead(c)
		return
	}
	m.awaitRound(c)
}

// awaitRound serves a request after a round.
func (m *Member) awaitRound(c *network.ServerCall) {
	m.reads.next = append(m.reads.next, read{c, m.monotonic()})
	if !m.reads.asking {
		m.startRound()
	}
}

// awaitCommitted serves a request of the leader's when what it knows to be committed by now has been applied.
func (m *Member) awaitCommitted(c *network.ServerCall) {
	m.reads.agreed = append(m.reads.agreed, agreedRead{read{c, m.monotonic()}, m.committed})
	m.serveReads()
}

// startRound asks the leader. All reads that have come by now are part of the round.
func (m *Member) startRound() {
	r := &m.reads
	r.current, r.next = r.next, nil
	r.asking, r.began, r.first = true, m.monotonic(), r.last+1
	m.askIndex()
}

// askIndex puts the question to raft, under a new name each time: raft forgets questions when the leader changes.
func (m *Member) askIndex() {
	r := &m.reads
	if !m.bugs.readIndexReused || m.monotonic() == r.began {
		r.last++
	}
	context := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, m.id), r.last)
	m.node.ReadIndex(context)
	r.retry = m.process.At(readIndexRetry, 0, m.kinds.readRetry, 0, m)
	m.wake()
}

// readRetry asks again what has not been answered, until the reads run out of time.
func readRetry(_ uint64, ref any) {
	m := ref.(*Member)
	if m.stopped || !m.reads.asking {
		return
	}
	if m.monotonic().Sub(m.reads.began) >= m.config.requestTimeout() {
		m.failReadRound(ErrTimeout)
		return
	}
	m.askIndex()
}

// answers reports whether an answer of raft is to a question of the round under way. Any will do: each was asked after
// the reads had come, and where a round trip takes longer than the retry only the earlier ones are ever answered.
func (r *reads) answers(s *raft.ReadState, self uint64) bool {
	if !r.asking || len(s.RequestCtx) != 16 || binary.BigEndian.Uint64(s.RequestCtx) != self {
		return false
	}
	question := binary.BigEndian.Uint64(s.RequestCtx[8:])
	return question >= r.first && question <= r.last
}

// learnReadStates takes the answers of raft.
func (m *Member) learnReadStates(states []raft.ReadState) {
	r := &m.reads
	for i := range states {
		s := &states[i]
		if !r.answers(s, m.id) {
			continue
		}
		m.endRound()
		index := max(s.Index, m.unconfirmed())
		if m.bugs.readsBeforeApplied {
			index = 0
		}
		for _, x := range r.current {
			r.agreed = append(r.agreed, agreedRead{x, index})
		}
		r.current = nil
		m.serveReads()
		m.nextRound()
	}
}

// unconfirmed is the end of the log where the only member of a store has not confirmed its term yet. raft answers such a
// member at once with the commit index that was on its disk, and that may be older than what it has acknowledged.
func (m *Member) unconfirmed() uint64 {
	if len(m.confState.Voters) > 1 || m.confirmed == m.term {
		return 0
	}
	return m.log.LastIndex()
}

func (m *Member) endRound() {
	m.reads.asking = false
	m.process.Cancel(m.reads.retry)
}

func (m *Member) nextRound() {
	if len(m.reads.next) > 0 && !m.reads.asking {
		m.startRound()
	}
}

// failReadRound fails the reads of the round under way and begins the next.
func (m *Member) failReadRound(err error) {
	if !m.reads.asking {
		return
	}
	m.endRound()
	failed := m.reads.current
	m.reads.current = nil
	for _, x := range failed {
		x.call.Fail(err)
	}
	m.nextRound()
}

// serveReads serves what the state is recent enough for.
func (m *Member) serveReads() {
	r := &m.reads
	n := 0
	for n < len(r.agreed) && r.agreed[n].index <= m.applied {
		m.serveRead(r.agreed[n].call)
		n++
	}
	if n == len(r.agreed) {
		r.agreed = nil
	} else {
		r.agreed = r.agreed[n:]
	}
}

// servedRead is a read that has been evaluated and waits for the processor.
type servedRead struct {
	member   *Member
	call     *network.ServerCall
	response any
	size     int
}

// serveRead evaluates a read on the state as it is. The answer goes out when its work is done.
func (m *Member) serveRead(c *network.ServerCall) {
	s := &servedRead{member: m, call: c}
	units := int64(1)
	var err error
	switch r := c.Payload().(type) {
	case *RangeRequest:
		var response *RangeResponse
		if response, err = m.store.Range(r); err == nil {
			m.fill(&response.Header)
			s.response, s.size = response, response.SizeBytes()
			units = int64(len(response.KVs))
		}
	case *TxnRequest:
		var response *TxnResponse
		if response, err = m.store.ReadTxn(r); err == nil {
			m.fill(&response.Header)
			s.response, s.size = response, response.SizeBytes()
		}
	case *MemberListRequest:
		s.response, s.size = &MemberListResponse{Header: m.header(), Members: m.cluster.sorted()}, 256
	case *LeaseKeepAliveRequest:
		m.renew(r, c)
		return
	case *LeaseTimeToLiveRequest:
		m.tellTimeToLive(r, c)
		return
	}
	if err != nil {
		c.Fail(err)
		return
	}
	m.process.Charge(m.ops.read, units, 0, m.kinds.read, 0, s)
}

func answerRead(_ uint64, ref any) {
	s := ref.(*servedRead)
	s.call.Reply(s.response, s.size)
}
