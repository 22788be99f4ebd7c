package fault

import (
	"errors"
	"time"

	"github.com/fauxkube/fauxkube/scenarios/format"
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

// etcdChaos acts on members of the store, their disks and clocks.
type etcdChaos struct {
	Selector Selector        `json:"selector,omitempty"`
	Mode     string          `json:"mode,omitempty" jsonschema:"enum=one,enum=all,enum=fixed,enum=fixed-percent,enum=random-max-percent"`
	Value    string          `json:"value,omitempty"`
	Action   string          `json:"action"`
	Duration format.Duration `json:"duration,omitempty"`
	// Delay is what slow-fsync adds to each sync.
	Delay format.Duration `json:"delay,omitempty"`
	// DriftPPM is how much faster than true time clock-skew has a clock run, in millionths.
	DriftPPM int `json:"driftPPM,omitempty" jsonschema:"minimum=-100000,maximum=100000"`

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
	case wholeStore[e.Action] && (e.Mode != "" || !e.Selector.empty()):
		return nil, d.fail("spec.action", "%s hits %s: want neither selector nor mode", e.Action, map[string]string{"leader-kill": "whoever leads", "compact": "the whole store"}[e.Action])
	case e.Action == "disk-stall" && e.Duration == 0:
		return nil, d.fail("spec.action", "disk-stall wants a duration")
	case forGood[e.Action] && e.Duration != 0:
		return nil, d.fail("spec.duration", "%s cannot be undone", e.Action)
	case e.Action != "slow-fsync" && e.Delay != 0:
		return nil, d.fail("spec.delay", "belongs to slow-fsync")
	case (e.Action == "clock-skew") != (e.DriftPPM != 0):
		return nil, d.fail("spec.driftPPM", "belongs to clock-skew, which wants it")
	}
	var err error
	e.choice, err = d.parseChoice("spec.mode", e.Mode, e.Value)
	return e, err
}

// wholeStore are the actions that choose nobody, forGood those that nothing can undo.
var (
	wholeStore = map[string]bool{"leader-kill": true, "compact": true}
	forGood    = map[string]bool{"compact": true, "bit-rot": true, "disk-loss": true, "member-replace": true}
)

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
	case "compact":
		return i.compact()
	case "kill", "pause":
		return i.processes("member of the store", members, &e.Selector, e.choice, e.Action)
	}
	byHost := map[string]int{}
	var hosts []string
	for index, p := range members {
		if name := p.Machine().Name(); e.Selector.empty() || e.Selector.matchesNode(i.World, name) {
			byHost[name] = index
			hosts = append(hosts, name)
		}
	}
	chosen, err := i.choose(e.choice, "member of the store", &e.Selector, hosts)
	if err != nil {
		return err
	}
	for _, name := range chosen {
		if err := e.act(i, members[byHost[name]], byHost[name]); err != nil {
			return err
		}
	}
	return nil
}

// act does the action to the member of an index.
func (e *etcdChaos) act(i *injection, p *host.Process, index int) error {
	if e.Action == "member-replace" {
		if err := i.Cluster.ReplaceMember(i.task, index); err != nil {
			return err
		}
		i.hit("member on "+p.Machine().Name()+" replaced", nil)
		return nil
	}
	diskActions[e.Action](e, i, p)
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
