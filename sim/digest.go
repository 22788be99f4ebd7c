package sim

import (
	"math/bits"

	"github.com/fauxkube/fauxkube/sim/trace"
)

// digest accumulates every step of a run into 64 bits.
type digest uint64

func newDigest(seed uint64, m Mode) digest { return digest(mix(seed, uint64(m)+1)) }

// add mixes three words in: a few cycles, since it is paid by every event.
func (d *digest) add(a, b, c uint64) {
	h := uint64(*d)
	h = (h ^ a) * 0x9fb21c651e98df25
	h = (bits.RotateLeft64(h, 25) ^ b) * 0xa24baed4963ee407
	h = (bits.RotateLeft64(h, 31) ^ c) * 0x9e3779b97f4a7c15
	*d = digest(h ^ h>>29)
}

// Digest is the hash of everything that has happened so far: equal for equal binaries, seeds and inputs.
func (s *Simulation) Digest() uint64 { return mix(uint64(s.digest), s.step) }

// Observe mixes a fact that is not an event of its own into digest and trace: the size of a message, the revision of
// a commit. k is registered with a nil handler.
func (s *Simulation) Observe(k Kind, a, b uint64) {
	var id, incarnation uint32
	if p := s.process; p != nil {
		id, incarnation = p.id, p.incarnation
	}
	s.digest.add(a, b, uint64(k)<<48|uint64(trace.Fact))
	s.keep(trace.Record{
		Type: trace.Fact, Time: int64(s.now), Step: s.step, Cause: b, Kind: uint16(k),
		Process: id, Incarnation: incarnation, Num: a,
	})
}

// record puts a step into the digest, the ring and the trace.
func (s *Simulation) record(t trace.Type, k Kind, process, incarnation uint32, lane Lane, num, cause uint64) {
	s.digest.add(uint64(s.now), num, uint64(k)<<48|uint64(process)<<16|uint64(incarnation)<<8|uint64(t))
	s.keep(trace.Record{
		Type: t, Time: int64(s.now), Step: s.step, Cause: cause, Kind: uint16(k),
		Process: process, Incarnation: incarnation, Lane: uint32(lane), Num: num,
	})
}

// ringSize is how many of the last records are always at hand.
const ringSize = 1 << 16

// ring keeps the last records for a failure's report and for the comparison of two runs.
type ring struct {
	records []trace.Record
	count   uint64
}

func (s *Simulation) keep(r trace.Record) {
	n := &s.ring
	if n.count < ringSize {
		n.records = appendDoubling(n.records, r)
	} else {
		n.records[n.count&(ringSize-1)] = r
	}
	n.count++
	if s.trace != nil {
		s.trace.Record(r)
	}
}

// Recent returns up to the last 65,536 records, oldest first.
func (s *Simulation) Recent() []trace.Record {
	n := &s.ring
	if n.count <= ringSize {
		return append([]trace.Record(nil), n.records...)
	}
	at := n.count & (ringSize - 1)
	return append(append(make([]trace.Record, 0, ringSize), n.records[at:]...), n.records[:at]...)
}

// Block is a stretch of BlockSteps steps, for comparing two runs.
type Block struct {
	// LastStep is the number of the block's last step.
	LastStep uint64
	// Digest is the simulation's digest after it.
	Digest uint64
}

func (s *Simulation) endBlock() {
	s.nextBlock += s.config.BlockSteps
	if s.config.OnBlock != nil {
		s.config.OnBlock(Block{LastStep: s.step, Digest: s.Digest()})
	}
}
