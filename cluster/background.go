package cluster

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// backgroundPeriod is how often a control-plane process is charged for what it does whether or not anybody asks:
// garbage collection, metrics, health checks, timers. The rows <program>.background hold what a period costs.
const backgroundPeriod = 100 * time.Millisecond

// background is the background work of one incarnation.
type background struct {
	process       *host.Process
	op            host.Op
	due, finished sim.Kind
}

// startBackground begins the background work of a process.
func startBackground(p *host.Process) {
	b := &background{
		process: p, op: p.Op(p.Program() + ".background"),
		due: p.Kind("cluster.background", backgroundDue), finished: p.Kind("cluster.background.done", func(uint64, any) {}),
	}
	p.At(backgroundPeriod, 0, b.due, 0, b)
}

func backgroundDue(_ uint64, ref any) {
	b := ref.(*background)
	b.process.Charge(b.op, 1, 0, b.finished, 0, b)
	b.process.At(backgroundPeriod, 0, b.due, 0, b)
}
