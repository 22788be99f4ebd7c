package fault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// diskActions are what EtcdChaos does to a member's disk or clock.
var diskActions = map[string]func(e *etcdChaos, i *injection, p *host.Process){
	"slow-fsync": (*etcdChaos).slow,
	"disk-stall": (*etcdChaos).stall,
	"disk-full":  (*etcdChaos).full,
	"lost-fsync": (*etcdChaos).lie,
	"torn-write": (*etcdChaos).tear,
	"bit-rot":    (*etcdChaos).rot,
	"disk-loss":  (*etcdChaos).lose,
	"clock-skew": (*etcdChaos).skew,
}

// etcdActions lists the actions of EtcdChaos.
func etcdActions() []string {
	return append([]string{"kill", "leader-kill", "pause", "compact", "member-replace"}, slices.Sorted(maps.Keys(diskActions))...)
}

func (e *etcdChaos) slow(i *injection, p *host.Process) {
	d := p.Machine().Disk()
	extra := time.Duration(e.Delay)
	if extra == 0 {
		extra = defaultSlowFsync
	}
	d.SlowSync(sim.Fixed(extra))
	i.hit("fsync of "+p.Machine().Name()+" slowed down", func() { d.SlowSync(nil) })
}

func (e *etcdChaos) stall(i *injection, p *host.Process) {
	d := p.Machine().Disk()
	d.Stall(time.Duration(e.Duration))
	i.hit("disk of "+p.Machine().Name()+" stalled", d.Unstall)
}

func (e *etcdChaos) full(i *injection, p *host.Process) {
	d := p.Machine().Disk()
	d.SetFull(true)
	i.hit("disk of "+p.Machine().Name()+" full", func() { d.SetFull(false) })
}

// lie has the disk forget syncs. As long as the machine keeps its power nothing is lost by it.
func (e *etcdChaos) lie(i *injection, p *host.Process) {
	d := p.Machine().Disk()
	d.LoseSync(true)
	i.hit("disk of "+p.Machine().Name()+" syncs nothing", func() { d.LoseSync(false) })
}

// tear cuts the power in the middle of a write.
func (e *etcdChaos) tear(i *injection, p *host.Process) {
	m := p.Machine()
	m.Disk().TearNext()
	m.Crash()
	boot := func() {
		if !m.Up() {
			m.Boot()
		}
	}
	if e.Duration == 0 {
		i.Simulation.World().After(RebootTakes, boot)
		boot = nil
	}
	i.hit("power of "+m.Name()+" lost in the middle of a write", boot)
}

// rot spoils something in the member's log, and has it read that again.
func (e *etcdChaos) rot(i *injection, p *host.Process) {
	m := p.Machine()
	prefix := "etcd/"
	for _, name := range m.Disk().List(prefix) {
		if folder, _, ok := strings.Cut(name, "/wal/"); ok {
			prefix = folder + "/wal/"
		}
	}
	name, offset := m.Disk().RotSomewhere(prefix)
	p.Restart(restartDelay)
	i.hit(fmt.Sprintf("disk of %s rotten in %s at %d, member restarted", m.Name(), name, offset), nil)
}

// lose takes everything from a disk.
func (e *etcdChaos) lose(i *injection, p *host.Process) {
	m := p.Machine()
	m.Crash()
	d := m.Disk()
	for _, name := range d.List("") {
		if err := d.Remove(name); err != nil {
			panic(fmt.Sprintf("fault: losing %s: %v", name, err))
		}
	}
	i.Simulation.World().After(RebootTakes, m.Boot)
	i.hit("disk of "+m.Name()+" lost", nil)
}

func (e *etcdChaos) skew(i *injection, p *host.Process) {
	c := p.Machine().Clock()
	c.SetDrift(int64(e.DriftPPM))
	i.hit(fmt.Sprintf("clock of %s runs %d ppm fast", p.Machine().Name(), e.DriftPPM), func() { c.SetDrift(0) })
}

// compactPatience is how long a compaction is tried again.
const compactPatience = 30 * time.Second

// compact drops all history but what is newest.
func (i *injection) compact() error {
	revision := i.Cluster.Store().Revision()
	var err error
	for waited := time.Duration(0); waited < compactPatience; waited += time.Second {
		var answer sim.Future[struct{}]
		i.Cluster.Etcdctl().Compact(revision, func(err error) { answer.Set(struct{}{}, err) })
		if _, err = answer.Await(i.task, sim.Forever); err == nil || errors.Is(err, etcd.ErrCompacted) {
			i.hit(fmt.Sprintf("history before revision %d compacted", revision), nil)
			return nil
		}
		i.task.Sleep(time.Second)
	}
	return err
}
