package format

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Duration is simulated time, never negative. Written as Go writes it: 90s, 1m30s, 2h.
type Duration time.Duration

// Duration converts to the standard type.
func (d Duration) Duration() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

func (d *Duration) scan(text string) error {
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is not a duration: write it as 500ms, 90s, 1m30s or 2h", text)
	}
	if parsed < 0 {
		return fmt.Errorf("a duration of %s cannot be: it must not be negative", text)
	}
	*d = Duration(parsed)
	return nil
}

// Timestamp is a wall time in RFC 3339.
type Timestamp struct{ time.Time }

func (t *Timestamp) scan(text string) error {
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("%q is not a time: write it as 2026-01-05T08:00:00Z", text)
	}
	t.Time = parsed.UTC()
	return nil
}

// Quantity is a Kubernetes quantity in its base unit, here bytes.
type Quantity int64

func (q *Quantity) scan(text string) error {
	parsed, err := resource.ParseQuantity(text)
	if err != nil || parsed.Sign() < 0 {
		return fmt.Errorf("%q is not a quantity: write it as 120Mi or 2Gi", text)
	}
	*q = Quantity(parsed.Value())
	return nil
}

// Bound is a number, or a duration in seconds.
type Bound struct {
	Value float64
	Set   bool
	Text  string
}

func (b *Bound) scan(text string) error {
	b.Text, b.Set = text, true
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		b.Value = number
		return nil
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is neither a number nor a duration", text)
	}
	b.Value = duration.Seconds()
	return nil
}

// Seeds is a set of seeds, in order.
type Seeds []uint64

// maxSeeds bounds what a range may ask for.
const maxSeeds = 1_000_000

func (s *Seeds) scan(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
		first, err := strconv.ParseUint(low, 10, 63)
		last := first
		if err == nil && isRange {
			last, err = strconv.ParseUint(high, 10, 63)
		}
		if err != nil {
			return fmt.Errorf("%q are no seeds: write a number, a range as 1-20, or a list as 1-3,7", text)
		}
		if last < first {
			return fmt.Errorf("the seeds %d-%d run backwards: write %d-%d", first, last, last, first)
		}
		if last-first >= maxSeeds {
			return fmt.Errorf("the seeds %d-%d are more than %d", first, last, maxSeeds)
		}
		for seed := first; seed <= last; seed++ {
			*s = append(*s, seed)
		}
	}
	return nil
}

// ParseSeeds reads seeds as a flag gives them.
func ParseSeeds(text string) (Seeds, error) {
	var s Seeds
	err := s.scan(text)
	return s, err
}

func (a *After) scan(text string) error {
	step, pause, more := strings.Cut(text, "+")
	a.Step = strings.TrimSpace(step)
	if a.Step == "" {
		return fmt.Errorf("%q names no step: write a step's name, or name+15s", text)
	}
	if more {
		return a.Pause.scan(strings.TrimSpace(pause))
	}
	return nil
}

func (a After) String() string {
	if a.Pause == 0 {
		return a.Step
	}
	return a.Step + "+" + a.Pause.String()
}

// Raw is a part of a file that somebody else decodes.
type Raw struct {
	Node *yaml.Node
}

// decodeNode reads kubelet: real, or kubelet: {stages: FILE}.
func (k *Kubelet) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.ScalarNode {
		if n.Value != "real" {
			d.fail(n, path, "%q is not a kubelet: write real, or {stages: FILE}", n.Value)
		}
		return
	}
	var choice struct {
		Stages string `json:"stages"`
	}
	d.decode(n, path, &choice)
	k.Stages = choice.Stages
}

// decodeNode reads one line or a list of them.
func (c *Commands) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.ScalarNode {
		*c = Commands{n.Value}
		return
	}
	var lines []string
	d.decode(n, path, &lines)
	*c = lines
}

func (r *Raw) decodeNode(_ *decoder, n *yaml.Node, _ string) { r.Node = n }
