package fault

import (
	"errors"
	"time"

	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const etcdChaosExample = `
apiVersion: fauxkube.dev/v1alpha1
kind: EtcdChaos
metadata: {name: slow-leader}
spec: {action: slow-fsync, mode: all, delay: 50ms, duration: 2m}
`

// defaultSlowFsync is what slow-fsync adds when nobody says: ten times the p99 that etcd's guidance asks for.
const defaultSlowFsync = 100 * time.Millisecond

// leaderPatience is how long leader-kill waits for a leader: several election time-outs of 1 s.
const leaderPatience = 30 * time.Second

// etcdChaos acts on members of the store and their disks.
type etcdChaos struct {
	Selector Selector        `json:"selector,omitempty"`
	Mode     string          `json:"mode,omitempty" jsonschema:"enum=one,enum=all,enum=fixed,enum=fixed-percent,enum=random-max-percent"`
	Value    string          `json:"value,omitempty"`
	Action   string          `json:"action"`
	Duration format.Duration `json:"duration,omitempty"`
	// Delay is what slow-fsync adds to each sync.
	Delay format.Duration `json:"delay,omitempty"`

	choice choice
}

func parseEtcdChaos(d *document) (injector, error) {
	e := &etcdChaos{}
	if err := d.decode(e); err != nil {
		return nil, err
	}
	switch {
	case e.Selector.namesPods():
		return nil, d.fail("spec.selector", "selects pods: members are selected by nodes and nodeSelectors of their hosts")
	case e.Action == "leader-kill" && (e.Mode != "" || !e.Selector.empty()):
		return nil, d.fail("spec.action", "leader-kill hits whoever leads: want neither selector nor mode")
	case e.Action == "disk-stall" && e.Duration == 0:
		return nil, d.fail("spec.action", "disk-stall wants a duration")
	case e.Action != "slow-fsync" && e.Delay != 0:
		return nil, d.fail("spec.delay", "belongs to slow-fsync")
	}
	var err error
	e.choice, err = d.parseChoice("spec.mode", e.Mode, e.Value)
	return e, err
}

func (e *etcdChaos) inject(i *injection) error {
	members := i.Cluster.EtcdProcesses()
	switch e.Action {
	case "leader-kill":
		leader, err := i.leader()
		if err != nil {
			return err
		}
		i.process(members[leader], e.Action)
		return nil
	case "kill", "pause":
		return i.processes("member of the store", members, &e.Selector, e.choice, e.Action)
	}
	byHost := map[string]*host.Machine{}
	var hosts []string
	for _, p := range members {
		if name := p.Machine().Name(); e.Selector.empty() || e.Selector.matchesNode(i.World, name) {
			byHost[name] = p.Machine()
			hosts = append(hosts, name)
		}
	}
	chosen, err := i.choose(e.choice, "member of the store", &e.Selector, hosts)
	if err != nil {
		return err
	}
	for _, name := range chosen {
		e.disk(i, byHost[name])
	}
	return nil
}

// leader is the index of the member that leads; it waits for one to be elected.
func (i *injection) leader() (int, error) {
	const look = 100 * time.Millisecond
	for waited := time.Duration(0); waited < leaderPatience; waited += look {
		if leader := i.Cluster.EtcdLeader(); leader >= 0 {
			return leader, nil
		}
		i.task.Sleep(look)
	}
	return 0, errors.New("no member of the store leads")
}

func (e *etcdChaos) disk(i *injection, m *host.Machine) {
	d := m.Disk()
	if e.Action == "disk-stall" {
		d.Stall(time.Duration(e.Duration))
		i.hit("disk of "+m.Name()+" stalled", d.Unstall)
		return
	}
	extra := time.Duration(e.Delay)
	if extra == 0 {
		extra = defaultSlowFsync
	}
	d.SlowSync(sim.Fixed(extra))
	i.hit("fsync of "+m.Name()+" slowed down", func() { d.SlowSync(nil) })
}
