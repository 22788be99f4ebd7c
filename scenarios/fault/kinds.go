package fault

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/scenarios/format"
	"go.yaml.in/yaml/v3"
)

// The API versions of chaos documents.
const (
	chaosMesh = "chaos-mesh.org/v1alpha1"
	ours      = format.APIVersion
)

// Kind is an entry of the table: one sort of chaos document.
type Kind struct {
	Name       string
	APIVersion string
	// Actions are what spec.action may say.
	Actions []string
	// Example is a document that parses.
	Example string

	parse func(d *document) (injector, error)
}

// Kinds is the table of what is simulated.
func Kinds() []Kind {
	return []Kind{
		{"PodChaos", chaosMesh, []string{"pod-kill"}, podChaosExample, parsePodChaos},
		{"NetworkChaos", chaosMesh, []string{"partition", "delay", "loss", "duplicate", "corrupt"}, networkChaosExample, parseNetworkChaos},
		{"NodeChaos", ours, []string{"crash", "reboot", "pause", "slow", "kubelet-stop", "zone-outage"}, nodeChaosExample, parseNodeChaos},
		{"ControlPlaneChaos", ours, []string{"kill", "pause", "restart"}, controlPlaneChaosExample, parseControlPlaneChaos},
		{"EtcdChaos", ours, etcdActions(), etcdChaosExample, parseEtcdChaos},
	}
}

// refused are Chaos Mesh's kinds that have nothing to act on here, and those of either vocabulary that this version
// does not simulate.
var refused = map[string]string{
	"HTTPChaos":            "requests between applications are not simulated",
	"JVMChaos":             "programs inside of containers are not simulated",
	"KernelChaos":          "system calls are not simulated",
	"BlockChaos":           "block devices of pods are not simulated",
	"PhysicalMachineChaos": "use NodeChaos",
	"AWSChaos":             "clouds are not simulated",
	"GCPChaos":             "clouds are not simulated",
	"AzureChaos":           "clouds are not simulated",
	"IOChaos":              notInThisVersion,
	"TimeChaos":            notInThisVersion,
	"StressChaos":          notInThisVersion,
	"DNSChaos":             notInThisVersion,
	"Schedule":             notInThisVersion,
	"Workflow":             "write the workflow as steps",
	"WatchChaos":           notInThisVersion,
	"RuntimeChaos":         notInThisVersion,
	"VolumeChaos":          notInThisVersion,
}

const notInThisVersion = "this version does not simulate it"

// Fault is a checked document.
type Fault struct {
	Kind, Action string
	// Duration is after how long the fault is lifted; 0 is never.
	Duration time.Duration

	body injector
}

// String says what the fault is in a few words.
func (f *Fault) String() string {
	text := f.Kind + " " + f.Action
	if f.Duration > 0 {
		text += fmt.Sprintf(" for %v", f.Duration)
	}
	return text
}

// injector is what each kind's spec can do.
type injector interface {
	inject(i *injection) error
}

// Parse checks a chaos document. file and field say where it stands, for the errors, which are *format.Error.
func Parse(file, field string, c *format.Chaos) (*Fault, error) {
	d := &document{file: file, field: field, chaos: c}
	kinds := Kinds()
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == c.Kind })
	switch {
	case i < 0 && refused[c.Kind] != "":
		return nil, d.fail("kind", "%s is refused: %s", c.Kind, refused[c.Kind])
	case i < 0:
		return nil, d.fail("kind", "%q is not a kind of fault: want one of %s", c.Kind, strings.Join(kindNames(kinds), ", "))
	case c.APIVersion != "" && c.APIVersion != kinds[i].APIVersion:
		return nil, d.fail("apiVersion", "%s is of %s, not %s", c.Kind, kinds[i].APIVersion, c.APIVersion)
	case c.Spec.Node == nil:
		return nil, d.fail("spec", "want a spec with an action")
	}
	d.kind = &kinds[i]
	common := d.common()
	if err := d.checkAction(common.Action); err != nil {
		return nil, err
	}
	body, err := d.kind.parse(d)
	if err != nil {
		return nil, err
	}
	return &Fault{Kind: c.Kind, Action: common.Action, Duration: time.Duration(common.Duration), body: body}, nil
}

func kindNames(kinds []Kind) []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return names
}

// document is a chaos document on its way through a parser.
type document struct {
	file, field string
	chaos       *format.Chaos
	kind        *Kind
}

// head is what every spec has; its values are read leniently, since each kind's parser reads them strictly again.
type head struct {
	Action   string
	Duration format.Duration
}

func (d *document) common() head {
	var h head
	if n := d.node("action"); n != nil {
		h.Action = n.Value
	}
	if n := d.node("duration"); n != nil {
		if duration, err := time.ParseDuration(n.Value); err == nil && duration > 0 {
			h.Duration = format.Duration(duration)
		}
	}
	return h
}

func (d *document) checkAction(action string) error {
	known := "want one of " + strings.Join(d.kind.Actions, ", ")
	switch {
	case action == "":
		return d.fail("spec.action", "is missing: %s", known)
	case slices.Contains(otherActions[d.kind.Name], action):
		return d.fail("spec.action", "%s: %s: %s", action, notInThisVersion, known)
	case !slices.Contains(d.kind.Actions, action):
		return d.fail("spec.action", "%q is no action of %s: %s", action, d.kind.Name, known)
	}
	return nil
}

// otherActions belong to the vocabulary, but this version does not simulate them.
var otherActions = map[string][]string{
	"PodChaos":          {"pod-failure", "container-kill"},
	"NetworkChaos":      {"bandwidth", "netem"},
	"NodeChaos":         {"disk-full"},
	"ControlPlaneChaos": {"stale-cache", "rolling-restart"},
	"EtcdChaos":         {"blackhole-until-snapshot"},
}

// decode fills a kind's spec strictly.
func (d *document) decode(out any) error {
	return format.DecodeStrict(d.file, d.field+".spec", d.chaos.Spec.Node, out)
}

// node is a field of the spec, nil if it is not given.
func (d *document) node(name string) *yaml.Node {
	spec := d.chaos.Spec.Node
	if spec == nil || spec.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(spec.Content); i += 2 {
		if spec.Content[i].Value == name {
			return spec.Content[i+1]
		}
	}
	return nil
}

// fail is an error about a field of the document; those of the spec are found with their line.
func (d *document) fail(field, what string, args ...any) error {
	line := d.chaos.Line
	if n := d.chaos.Spec.Node; n != nil && strings.HasPrefix(field, "spec") {
		line = n.Line
		if n := d.node(strings.TrimPrefix(field, "spec.")); n != nil {
			line = n.Line
		}
	}
	return &format.Error{File: d.file, Line: line, Field: d.field + "." + field, What: fmt.Sprintf(what, args...)}
}
