package cluster

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// backgroundPeriod is how often a control-plane process is charged for what it does whether or not anybody asks:
// garbage collection, metrics, health checks, timers. The rows <program>.background hold what a period costs; their
// units are the cluster's nodes.
const backgroundPeriod = 100 * time.Millisecond

// background is the background work of one incarnation.
type background struct {
	cluster *Cluster
	process *host.Process
	op      host.Op
	due     sim.Kind
}

// startBackground begins the background work of a process.
func (c *Cluster) startBackground(p *host.Process) {
	b := &background{
		cluster: c, process: p, op: p.Op(p.Program() + ".background"), due: p.Kind("cluster.background", backgroundDue),
	}
	p.At(backgroundPeriod, 0, b.due, 0, b)
}

func backgroundDue(_ uint64, ref any) {
	b := ref.(*background)
	b.process.Spend(b.op, int64(len(b.cluster.nodes)))
	b.process.At(backgroundPeriod, 0, b.due, 0, b)
}
