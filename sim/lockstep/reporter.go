package lockstep

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/trace"
)

// BlockSteps is how many steps are compared at once: few enough for the kernel's ring of recent records to hold a
// block with all its facts, many enough for the pipes to cost nothing.
const BlockSteps = 4096

// The parent's answers to a frame.
const (
	goOn     = 'g'
	handOver = 'h'
)

// ParentGone begins what a child panics with when nobody listens any more.
const ParentGone = "lockstep: the parent is gone"

// frame is what the child says after a block, or at the end.
type frame struct {
	LastStep uint64
	Digest   uint64
	Final    uint64
}

// Reporter is the child's end.
type Reporter struct {
	simulation *sim.Simulation
	in         io.Reader
	out        io.Writer
	leave      func()
}

// NewReporter talks to the parent over in and out. leave is called when the parent has asked for the records and has
// them: it ends the process.
func NewReporter(in io.Reader, out io.Writer, leave func()) *Reporter {
	return &Reporter{in: in, out: out, leave: leave}
}

// Configure makes a simulation's configuration report its blocks.
func (r *Reporter) Configure(c *sim.Config) {
	c.BlockSteps, c.OnBlock = BlockSteps, r.block
}

// Watch says which simulation the blocks belong to. Call it before the first step.
func (r *Reporter) Watch(s *sim.Simulation) { r.simulation = s }

// Finish reports the end of the run.
func (r *Reporter) Finish() {
	r.say(frame{LastStep: r.simulation.Steps(), Digest: r.simulation.Digest(), Final: 1})
}

func (r *Reporter) block(b sim.Block) { r.say(frame{LastStep: b.LastStep, Digest: b.Digest}) }

func (r *Reporter) say(f frame) {
	if err := binary.Write(r.out, binary.LittleEndian, f); err != nil {
		panic(fmt.Sprintf("%s: %v", ParentGone, err))
	}
	var answer [1]byte
	if _, err := io.ReadFull(r.in, answer[:]); err != nil {
		panic(fmt.Sprintf("%s: %v", ParentGone, err))
	}
	if answer[0] == handOver {
		w := trace.NewWriter(r.out, trace.Header{Seed: r.simulation.Seed(), Mode: r.simulation.Mode().String()})
		r.simulation.WriteRecent(w)
		if err := w.Close(); err != nil {
			panic(fmt.Sprintf("lockstep: handing over the records: %v", err))
		}
		r.leave()
	}
}
