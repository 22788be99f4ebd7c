package stages

import (
	"fmt"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// Draw returns a number in [0, n).
type Draw func(n int64) int64

// Lifecycle is the stages of one kind, in the order of their file.
type Lifecycle []*Compiled

// Compiled is a stage ready to run.
type Compiled struct {
	Name               string
	ImmediateNextStage bool
	Steps              []CompiledStep

	labels, annotations labels.Selector // nil selects everything
	requirements        []*requirement
	weight              int64
	weightFrom          *query
	delayed             bool
	delay, jitter       durationFrom
}

// CompiledStep is one step: an event, then finalizers, then a deletion, else a patch.
type CompiledStep struct {
	Event      *Event
	Finalizers *Finalizers
	Delete     bool
	Patch      *CompiledPatch
}

// CompiledPatch is a patch with its parsed template.
type CompiledPatch struct {
	Type        types.PatchType
	Subresource string
	User        string // impersonated; "" is KWOK itself
	root        string
	template    *template
	typed       typedTemplate // nil: only the template itself knows
}

// Match returns the stage for the subject: the only one that matches, or one drawn by weight; nil if none matches.
func (l Lifecycle) Match(s *Subject, draw Draw) *Compiled {
	var only *Compiled
	var all []*Compiled
	for _, c := range l {
		if !c.matches(s) {
			continue
		}
		if only == nil {
			only = c
		} else if all = append(all, c); len(all) == 1 {
			all = []*Compiled{only, c}
		}
	}
	if all == nil {
		return only
	}
	return pick(all, s, draw)
}

// pick draws by weight. A stage whose weight cannot be read takes no part unless none can; weights of 0 take no part
// unless all are 0.
func pick(all []*Compiled, s *Subject, draw Draw) *Compiled {
	weights := make([]int64, len(all))
	var total int64
	var readable []*Compiled
	for i, c := range all {
		w, ok := c.weighs(s)
		if !ok {
			weights[i] = -1
			continue
		}
		weights[i] = w
		total += w
		readable = append(readable, c)
	}
	switch {
	case len(readable) == 0:
		return all[draw(int64(len(all)))]
	case total == 0:
		return readable[draw(int64(len(readable)))]
	}
	at := draw(total)
	for i, w := range weights {
		if w <= 0 {
			continue
		}
		if at -= w; at < 0 {
			return all[i]
		}
	}
	panic("stages: a draw beyond the sum of all weights")
}

func (c *Compiled) matches(s *Subject) bool {
	if c.labels != nil && !c.labels.Matches(labels.Set(s.Object.GetLabels())) {
		return false
	}
	if c.annotations != nil && !c.annotations.Matches(labels.Set(s.Object.GetAnnotations())) {
		return false
	}
	for _, r := range c.requirements {
		if !r.matches(s) {
			return false
		}
	}
	return true
}

func (c *Compiled) weighs(s *Subject) (int64, bool) {
	if c.weightFrom == nil {
		return c.weight, true
	}
	v, ok := c.weightFrom.first(s)
	if !ok {
		return c.weight, true
	}
	switch v := v.(type) {
	case string:
		n, err := strconv.ParseInt(v, 0, 0)
		return n, err == nil
	case float64:
		return int64(v), true
	case int:
		return int64(v), true
	}
	return c.weight, true
}

// Delay returns how long the stage waits with this subject at now.
func (c *Compiled) Delay(s *Subject, now time.Time, draw Draw) time.Duration {
	if !c.delayed {
		return 0
	}
	d, ok := c.delay.get(s, now)
	if !ok {
		return 0
	}
	jitter, ok := c.jitter.get(s, now)
	switch {
	case !ok:
		return d
	case jitter <= d:
		return jitter
	}
	return d + time.Duration(draw(int64(jitter-d)))
}

// durationFrom is a duration, or a query for one: a time stamp to wait for, or a duration's text.
type durationFrom struct {
	fixed time.Duration
	set   bool
	from  *query
}

func (d *durationFrom) get(s *Subject, now time.Time) (time.Duration, bool) {
	if d.from == nil {
		return d.fixed, d.set
	}
	v, found := d.from.first(s)
	text, isText := v.(string)
	if !found || !isText {
		return d.fixed, d.set
	}
	if text == "" {
		return 0, false
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.Sub(now), true
	}
	if parsed, err := time.ParseDuration(text); err == nil {
		return parsed, true
	}
	return d.fixed, d.set
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func newExpression(e *ExpressionFrom) (*query, error) {
	switch {
	case e == nil:
		return nil, nil
	case e.CEL != nil:
		return nil, fmt.Errorf("cel expressions are not supported, use jq")
	case e.JQ != nil:
		return newQuery(e.JQ.Expression)
	}
	return newQuery(e.ExpressionFrom)
}
