package fault

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim/host"
)

const controlPlaneChaosExample = `
apiVersion: fauxkube.dev/v1alpha1
kind: ControlPlaneChaos
metadata: {name: no-scheduler}
spec: {action: kill, component: scheduler, mode: all, duration: 1m}
`

// restartDelay is how long a restarted process is down: the kubelet sees the exit at its next relist, after a second
// at most, and starts a static pod's container at once the first time.
const restartDelay = time.Second

// controlPlaneChaos acts on processes of the control plane.
type controlPlaneChaos struct {
	Selector  Selector        `json:"selector,omitempty"`
	Mode      string          `json:"mode,omitempty" jsonschema:"enum=one,enum=all,enum=fixed,enum=fixed-percent,enum=random-max-percent"`
	Value     string          `json:"value,omitempty"`
	Action    string          `json:"action"`
	Duration  format.Duration `json:"duration,omitempty"`
	Component string          `json:"component" jsonschema:"enum=apiserver,enum=scheduler,enum=controller-manager"`

	choice choice
}

func parseControlPlaneChaos(d *document) (injector, error) {
	c := &controlPlaneChaos{}
	if err := d.decode(c); err != nil {
		return nil, err
	}
	if c.Component == "" {
		return nil, d.fail("spec.component", "is missing: want one of apiserver, scheduler, controller-manager")
	}
	if c.Selector.namesPods() {
		return nil, d.fail("spec.selector", "selects pods: components are selected by nodes and nodeSelectors of their hosts")
	}
	var err error
	c.choice, err = d.parseChoice("spec.mode", c.Mode, c.Value)
	return c, err
}

func (c *controlPlaneChaos) inject(i *injection) error {
	processes := map[string][]*host.Process{
		"apiserver": i.Cluster.APIServerProcesses(), "scheduler": i.Cluster.SchedulerProcesses(),
		"controller-manager": i.Cluster.ControllerManagerProcesses(),
	}[c.Component]
	return i.processes(c.Component, processes, &c.Selector, c.choice, c.Action)
}

// processes acts on those processes that are up and whose hosts are selected.
func (i *injection) processes(what string, all []*host.Process, s *Selector, c choice, action string) error {
	byHost := map[string]*host.Process{}
	var hosts []string
	for _, p := range all {
		if name := p.Machine().Name(); p.IsUp() && (s.empty() || s.matchesNode(i.World, name)) {
			byHost[name] = p
			hosts = append(hosts, name)
		}
	}
	chosen, err := i.choose(c, fmt.Sprintf("running %s", what), s, hosts)
	if err != nil {
		return err
	}
	for _, name := range chosen {
		i.process(byHost[name], action)
	}
	return nil
}
