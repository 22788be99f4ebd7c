package format

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fauxkube/fauxkube/sim"
)

// validate checks what no single field shows, and gives every step and expectation its ID.
func (d *decoder) validate(s *Scenario, n *yaml.Node) {
	if problems := validation.IsDNS1123Label(s.Metadata.Name); len(problems) > 0 {
		d.fail(orNode(child(n, "metadata"), n), "metadata.name", "%q is no name: %s", s.Metadata.Name, problems[0])
	}
	spec := orNode(child(n, "spec"), n)
	if v := s.Spec.Kubernetes; v != "" && v != KubernetesVersion {
		d.fail(orNode(child(spec, "kubernetes"), spec), "spec.kubernetes", "%s is not imitated here: want %s", v, KubernetesVersion)
	}
	d.validateCluster(&s.Spec.Cluster, orNode(child(spec, "cluster"), spec))
	if s.Spec.Store != nil {
		d.validateStore(s, orNode(child(spec, "store"), spec))
	}
	d.validateSteps(s.Spec.Steps)
	d.validateExpectations(s)
	d.validateMeasures(s)
}

func (d *decoder) validateCluster(c *ClusterSpec, n *yaml.Node) {
	if members := c.ControlPlane.Etcd; members%2 == 0 && members != 0 {
		d.fail(n, "spec.cluster.controlPlane.etcd", "%d members: want 1, 3 or 5", members)
	}
	names := map[string]bool{}
	for i, pool := range c.NodePools {
		field := fmt.Sprintf("spec.cluster.nodePools[%d]", i)
		d.validatePool(&pool, n, field)
		if names[pool.Name] {
			d.fail(n, field+".name", "a second pool %q", pool.Name)
		}
		names[pool.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(c.Clients)) {
		if c.Clients[name].QPS <= 0 {
			d.fail(n, "spec.cluster.clients."+name+".qps", "want a number above 0")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Costs)) {
		if row := c.Costs[name]; row.P99 < row.P50 {
			d.fail(n, "spec.cluster.costs."+name, "p99 %v is below p50 %v", row.P99, row.P50)
		}
	}
}

// validateStore refuses what needs more than the store.
func (d *decoder) validateStore(s *Scenario, n *yaml.Node) {
	const alone = "beside store: nothing else of Kubernetes runs then"
	c := &s.Spec.Cluster
	for _, given := range []struct {
		field string
		is    bool
	}{
		{"spec.cluster.nodePools", len(c.NodePools) > 0}, {"spec.cluster.controlPlane.apiservers", c.ControlPlane.APIServers > 0},
		{"spec.cluster.clients", len(c.Clients) > 0}, {"spec.cluster.images", len(c.Images) > 0}, {"spec.expect", len(s.Spec.Expect) > 0},
	} {
		if given.is {
			d.fail(n, given.field, alone)
		}
	}
	for i := range s.Spec.Steps {
		if step := &s.Spec.Steps[i]; len(step.Kubectl) > 0 || step.Nodes != nil || step.Workload != nil || step.Wait != "" {
			d.fail(&yaml.Node{Line: step.Line}, fmt.Sprintf("spec.steps[%d]", i), "kubectl, nodes, workload and wait have nothing to act on %s", alone)
		}
	}
}

func (d *decoder) validatePool(p *NodePool, n *yaml.Node, field string) {
	if problems := validation.IsDNS1123Label(p.Name); len(problems) > 0 {
		d.fail(n, field+".name", "%q is no name: %s", p.Name, problems[0])
	}
	for _, name := range slices.Sorted(maps.Keys(p.Capacity)) {
		if quantity, err := resource.ParseQuantity(p.Capacity[name]); err != nil || quantity.Sign() < 0 {
			d.fail(n, field+".capacity."+name, "%q is not a quantity", p.Capacity[name])
		}
	}
}

func (d *decoder) validateSteps(steps []Step) {
	ids := idGiver{}
	known := map[string]bool{}
	for i := range steps {
		step := &steps[i]
		field := fmt.Sprintf("spec.steps[%d]", i)
		at := &yaml.Node{Line: step.Line}
		if n := step.kinds(); n != 1 {
			d.fail(at, field, "has %d of kubectl, nodes, chaos, workload, etcd and wait: want exactly one", n)
		}
		if step.HasAt && step.After.Step != "" {
			d.fail(at, field, "has both at and after: want one")
		}
		if name := step.After.Step; name != "" && !known[name] {
			d.fail(at, field+".after", "no earlier step is called %q%s", name, suggestStep(name, known))
		}
		if step.Name != "" && known[step.Name] {
			d.fail(at, field+".name", "a second step %q", step.Name)
		}
		if strings.ContainsAny(step.Name, "+") {
			d.fail(at, field+".name", "%q: a name holds no +, which separates it from a pause", step.Name)
		}
		if step.Nodes != nil {
			d.validateNodes(step.Nodes, at, field+".nodes")
		}
		if step.Workload != nil {
			d.validateWorkload(step.Workload, at, field+".workload")
		}
		if step.Etcd != nil {
			d.validateEtcd(step.Etcd, at, field+".etcd")
		}
		step.ID = ids.give(step.Name, "step", step.content())
		known[step.ID] = true
	}
}

func suggestStep(name string, known map[string]bool) string {
	if len(known) == 0 {
		return ""
	}
	return suggest(name, slices.Sorted(maps.Keys(known)))
}

func (s *Step) kinds() (n int) {
	for _, given := range []bool{len(s.Kubectl) > 0, s.Nodes != nil, s.Chaos != nil, s.Workload != nil, s.Etcd != nil, s.Wait != ""} {
		if given {
			n++
		}
	}
	return n
}

func (d *decoder) validateNodes(n *Nodes, at *yaml.Node, field string) {
	count := 0
	if n.Add != nil {
		count++
		d.validatePool(n.Add, at, field+".add")
	}
	for _, patterns := range n.Patterns() {
		count++
		for _, pattern := range patterns.Globs {
			if _, err := path.Match(pattern, ""); err != nil {
				d.fail(at, field+"."+patterns.Action, "%q is no pattern: %v", pattern, err)
			}
		}
	}
	if count != 1 {
		d.fail(at, field, "has %d actions: want exactly one", count)
	}
}

func (d *decoder) validateEtcd(e *Etcd, at *yaml.Node, field string) {
	switch {
	case (e.SnapshotSave == "") == (e.Restore == ""):
		d.fail(at, field, "want a file under exactly one of snapshotSave and restore")
	case e.BumpRevision != 0 && e.Restore == "":
		d.fail(at, field+".bumpRevision", "belongs to restore")
	}
}

// NodePatterns is an action on existing machines.
type NodePatterns struct {
	Action string
	Globs  []string
}

// Patterns lists the actions that are given, add aside.
func (n *Nodes) Patterns() []NodePatterns {
	var given []NodePatterns
	for _, p := range []NodePatterns{
		{"delete", n.Delete}, {"crash", n.Crash}, {"boot", n.Boot}, {"reboot", n.Reboot}, {"pause", n.Pause}, {"resume", n.Resume},
	} {
		if len(p.Globs) > 0 {
			given = append(given, p)
		}
	}
	return given
}

func (d *decoder) validateExpectations(s *Scenario) {
	ids := idGiver{}
	for i := range s.Spec.Expect {
		e := &s.Spec.Expect[i]
		field := fmt.Sprintf("spec.expect[%d]", i)
		at := &yaml.Node{Line: e.Line}
		given := 0
		for _, text := range []string{e.Always, e.Never, e.Eventually} {
			if text != "" {
				given++
			}
		}
		if given != 1 {
			d.fail(at, field, "has %d of always, never and eventually: want exactly one", given)
		}
		if e.Eventually == "" && (e.Within != 0 || e.Stable != 0) {
			d.fail(at, field, "within and stable belong to eventually")
		}
		if e.Eventually != "" && (e.From.Step != "" || e.Until.Step != "") {
			d.fail(at, field, "from and until belong to always and never: eventually has after and within")
		}
		for _, ref := range []struct {
			name string
			to   After
		}{{"from", e.From}, {"until", e.Until}, {"after", e.After}} {
			d.stepExists(s, ref.to.Step, at, field+"."+ref.name)
		}
		e.ID = ids.give(e.Name, "expect", e.Always+e.Never+e.Eventually)
	}
}

func (d *decoder) stepExists(s *Scenario, name string, at *yaml.Node, field string) {
	if name == "" {
		return
	}
	known := map[string]bool{}
	for _, step := range s.Spec.Steps {
		known[step.ID] = true
	}
	if !known[name] {
		d.fail(at, field, "no step is called %q%s", name, suggestStep(name, known))
	}
}

func (d *decoder) validateMeasures(s *Scenario) {
	ids := idGiver{}
	for i := range s.Spec.Measure {
		m := &s.Spec.Measure[i]
		field := fmt.Sprintf("spec.measure[%d]", i)
		at := &yaml.Node{Line: m.Line}
		if m.Metric == "" {
			d.fail(at, field+".metric", "want a metric's name")
		}
		if !m.Max.Set && !m.Min.Set {
			d.fail(at, field, "bounds nothing: want max or min")
		}
		if m.Percentile < 0 || m.Percentile > 100 {
			d.fail(at, field+".percentile", "%v is out of range: 0 to 100", m.Percentile)
		}
		d.stepExists(s, m.Fault, at, field+".fault")
		m.ID = ids.give("", "measure", m.Metric+fmt.Sprint(m.Percentile)+m.Fault)
	}
}

// content is what a step does, as text: what its ID is derived from where it has no name.
func (s *Step) content() string {
	return fmt.Sprint(s.HasAt, s.At, s.After, []string(s.Kubectl), s.Manifest, s.Wait, nodesText(s.Nodes), chaosText(s.Chaos), etcdText(s.Etcd), workloadText(s.Workload))
}

func nodesText(n *Nodes) string {
	if n == nil {
		return ""
	}
	if n.Add != nil {
		return "add " + n.Add.Name
	}
	return fmt.Sprint(n.Patterns())
}

func etcdText(e *Etcd) string {
	if e == nil {
		return ""
	}
	return fmt.Sprintf("save %s restore %s bump %d", e.SnapshotSave, e.Restore, e.BumpRevision)
}

func chaosText(c *Chaos) string {
	if c == nil {
		return ""
	}
	text, err := yaml.Marshal(c.Spec.Node)
	if err != nil {
		panic(fmt.Sprintf("format: a decoded node cannot be encoded: %v", err))
	}
	return c.Kind + " " + c.Metadata.Name + " " + string(text)
}

// idGiver derives IDs from content. Equal contents are told apart by their rank among their equals, so that taking
// away something else changes nothing.
type idGiver map[string]int

func (g idGiver) give(name, prefix, content string) string {
	if name != "" {
		return name
	}
	id := fmt.Sprintf("%s-%08x", prefix, uint32(sim.HashString(content)))
	g[id]++
	if g[id] > 1 {
		id = fmt.Sprintf("%s-%d", id, g[id])
	}
	return id
}
