package fault

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

const networkChaosExample = `
apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: {name: slow-database, namespace: shop}
spec:
  action: delay
  mode: all
  direction: both
  duration: 60s
  delay: {latency: 90ms, jitter: 10ms}
  selector: {labelSelectors: {app: web}}
  target: {mode: all, selector: {labelSelectors: {app: db}}}
`

// networkChaos acts on the paths between the machines of the selected pods and those of the target.
type networkChaos struct {
	Selector        Selector        `json:"selector"`
	Mode            string          `json:"mode" jsonschema:"enum=one,enum=all,enum=fixed,enum=fixed-percent,enum=random-max-percent"`
	Value           string          `json:"value,omitempty"`
	Action          string          `json:"action"`
	Duration        format.Duration `json:"duration,omitempty"`
	Direction       string          `json:"direction,omitempty" jsonschema:"enum=to,enum=from,enum=both"`
	Target          *target         `json:"target,omitempty"`
	ExternalTargets []string        `json:"externalTargets,omitempty"`
	Delay           *delay          `json:"delay,omitempty"`
	Loss            *share          `json:"loss,omitempty"`
	Duplicate       *share          `json:"duplicate,omitempty"`
	Corrupt         *share          `json:"corrupt,omitempty"`

	choice, targetChoice choice
	effect               network.PathConfig
}

type target struct {
	Selector Selector `json:"selector"`
	Mode     string   `json:"mode" jsonschema:"enum=one,enum=all,enum=fixed,enum=fixed-percent,enum=random-max-percent"`
	Value    string   `json:"value,omitempty"`
}

type delay struct {
	Latency     format.Duration `json:"latency"`
	Jitter      format.Duration `json:"jitter,omitempty"`
	Correlation string          `json:"correlation,omitempty"`
}

// share is a percentage of packets; the field named like the action holds it.
type share struct {
	Loss        string `json:"loss,omitempty"`
	Duplicate   string `json:"duplicate,omitempty"`
	Corrupt     string `json:"corrupt,omitempty"`
	Correlation string `json:"correlation,omitempty"`
}

func parseNetworkChaos(d *document) (injector, error) {
	n := &networkChaos{}
	if err := d.decode(n); err != nil {
		return nil, err
	}
	if len(n.ExternalTargets) > 0 {
		return nil, d.fail("spec.externalTargets", "nothing outside of the cluster is simulated")
	}
	var err error
	if n.choice, err = d.parseChoice("spec.mode", n.Mode, n.Value); err != nil {
		return nil, err
	}
	if err := n.Selector.check(d, "spec.selector"); err != nil {
		return nil, err
	}
	if n.Target != nil {
		if n.targetChoice, err = d.parseChoice("spec.target", n.Target.Mode, n.Target.Value); err != nil {
			return nil, err
		}
		if err := n.Target.Selector.check(d, "spec.target"); err != nil {
			return nil, err
		}
	}
	return n, n.parseEffect(d)
}

// parseEffect reads the part that is named like the action.
func (n *networkChaos) parseEffect(d *document) error {
	for _, part := range []struct {
		action string
		given  bool
	}{{"delay", n.Delay != nil}, {"loss", n.Loss != nil}, {"duplicate", n.Duplicate != nil}, {"corrupt", n.Corrupt != nil}} {
		if part.given != (part.action == n.Action) {
			if part.given {
				return d.fail("spec."+part.action, "belongs to the action %s, not %s", part.action, n.Action)
			}
			return d.fail("spec.action", "%s wants a part called %s", n.Action, part.action)
		}
	}
	switch n.Action {
	case "delay":
		n.effect.Extra = n.Delay.distribution()
		return d.uncorrelated("spec.delay", n.Delay.Correlation)
	case "loss":
		return d.percentage("spec.loss", n.Loss.Loss, n.Loss, &n.effect.LossPPM)
	case "duplicate":
		return d.percentage("spec.duplicate", n.Duplicate.Duplicate, n.Duplicate, &n.effect.DuplicatePPM)
	case "corrupt":
		return d.percentage("spec.corrupt", n.Corrupt.Corrupt, n.Corrupt, &n.effect.CorruptPPM)
	}
	return nil
}

// distribution is latency +- jitter, evenly, as netem's is without a table.
func (l *delay) distribution() sim.Distribution {
	latency, jitter := time.Duration(l.Latency), time.Duration(l.Jitter)
	if jitter == 0 {
		return sim.Fixed(latency)
	}
	return sim.Uniform(max(latency-jitter, 0), latency+jitter)
}

// percentage reads a share of packets, which Chaos Mesh writes as text, into millionths.
func (d *document) percentage(field, text string, s *share, ppm *uint32) error {
	percent, err := strconv.ParseFloat(text, 64)
	if err != nil || percent < 0 || percent > 100 {
		return d.fail(field, "%q is not a percentage from 0 to 100", text)
	}
	*ppm = uint32(math.Round(percent * 10_000))
	return d.uncorrelated(field, s.Correlation)
}

// uncorrelated refuses what would change the outcome silently.
func (d *document) uncorrelated(field, correlation string) error {
	if value, err := strconv.ParseFloat(correlation, 64); correlation != "" && (err != nil || value != 0) {
		return d.fail(field, "correlation %s: packets are drawn independently of each other: want 0", correlation)
	}
	return nil
}

func (n *networkChaos) inject(i *injection) error {
	from, err := i.machines(&n.Selector, n.choice)
	if err != nil {
		return err
	}
	var to []string // None is everything.
	if n.Target != nil {
		if to, err = i.machines(&n.Target.Selector, n.targetChoice); err != nil {
			return err
		}
	}
	direction := map[string]network.Direction{"": network.To, "to": network.To, "from": network.From, "both": network.Both}[n.Direction]
	net := i.Cluster.Network()
	var id network.FaultID
	if n.Action == "partition" {
		id = net.Partition(from, to, direction)
	} else {
		id = net.Degrade(from, to, direction, n.effect)
	}
	others := "everything else"
	if to != nil {
		others = strings.Join(to, ", ")
	}
	i.hit(fmt.Sprintf("%s between %s and %s", n.Action, strings.Join(from, ", "), others), func() { net.Heal(id) })
	return nil
}
