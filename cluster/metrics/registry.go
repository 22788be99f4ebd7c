package metrics

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Registry is the set of series of one simulation. Each simulation has its own, so that several run side by side.
type Registry struct {
	families map[string]*family
	constant []Label // added to every series made through this view
}

// family is all series of one name. A name has one kind: a second kind is a bug of ours.
type family struct {
	name   string
	kind   Kind
	series map[string]*Series
}

// Kind says what a series measures.
type Kind uint8

const (
	KindCounter Kind = iota + 1
	KindGauge
	KindHistogram
)

func (k Kind) String() string {
	switch k {
	case KindCounter:
		return "counter"
	case KindGauge:
		return "gauge"
	case KindHistogram:
		return "histogram"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Label is one name=value pair of a series.
type Label struct{ Name, Value string }

// Series is one line (or, for histograms, one block) of the exported text: a name, sorted labels and one of the three values.
type Series struct {
	Name   string
	Labels []Label // sorted by name

	Counter   *Counter
	Gauge     *Gauge
	Histogram *Histogram
}

// Kind returns which of the three values is set.
func (s *Series) Kind() Kind {
	switch {
	case s.Counter != nil:
		return KindCounter
	case s.Gauge != nil:
		return KindGauge
	}
	return KindHistogram
}

// Label returns the value of the named label, or "".
func (s *Series) Label(name string) string {
	for _, l := range s.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// String renders the series as Prometheus names it: name{a="b"}.
func (s *Series) String() string {
	if len(s.Labels) == 0 {
		return s.Name
	}
	pairs := make([]string, len(s.Labels))
	for i, l := range s.Labels {
		pairs[i] = fmt.Sprintf("%s=%q", l.Name, l.Value)
	}
	return s.Name + "{" + strings.Join(pairs, ",") + "}"
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{families: map[string]*family{}} }

// With returns a view of the same registry that adds the given labels to every series made through it, as a scrape
// adds job and instance.
func (r *Registry) With(labelPairs ...string) *Registry {
	return &Registry{families: r.families, constant: r.labels(labelPairs)}
}

// Counter returns the counter of this name and these label pairs ("name", "value", ...), creating it on first use.
func (r *Registry) Counter(name string, labelPairs ...string) *Counter {
	s := r.series(name, KindCounter, labelPairs)
	if s.Counter == nil {
		s.Counter = &Counter{}
	}
	return s.Counter
}

// Gauge returns the gauge of this name and these label pairs, creating it on first use.
func (r *Registry) Gauge(name string, labelPairs ...string) *Gauge {
	s := r.series(name, KindGauge, labelPairs)
	if s.Gauge == nil {
		s.Gauge = &Gauge{}
	}
	return s.Gauge
}

// Histogram returns the histogram of this name and these label pairs, creating it on first use with the buckets
// that Kubernetes gives this name (Prometheus' default ones if it has none).
func (r *Registry) Histogram(name string, labelPairs ...string) *Histogram {
	s := r.series(name, KindHistogram, labelPairs)
	if s.Histogram == nil {
		s.Histogram = newHistogram(layoutOf(name))
	}
	return s.Histogram
}

// Each visits every series, sorted by name and then by label values.
func (r *Registry) Each(visit func(*Series)) {
	for _, name := range slices.Sorted(maps.Keys(r.families)) {
		r.EachOf(name, visit)
	}
}

// EachOf visits the series of one name, sorted by label values.
func (r *Registry) EachOf(name string, visit func(*Series)) {
	f := r.families[name]
	if f == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(f.series)) {
		visit(f.series[key])
	}
}

// Reset empties the histograms of a name, for measurements that begin later than the registry. Handles stay what they are.
func (r *Registry) Reset(name string) {
	r.EachOf(name, func(s *Series) {
		if s.Histogram != nil {
			*s.Histogram = *newHistogram(s.Histogram.layout)
		}
	})
}

// Names returns all family names, sorted.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.families)) }

// Sum adds up a family's counters and gauges whose labels include all the given pairs; for histograms it adds
// their counts. A name nobody measured sums to 0, as in Prometheus.
func (r *Registry) Sum(name string, labelPairs ...string) int64 {
	want := pairsOf(name, labelPairs)
	var sum int64
	r.EachOf(name, func(s *Series) {
		if !s.matches(want) {
			return
		}
		switch s.Kind() {
		case KindCounter:
			sum += s.Counter.Value()
		case KindGauge:
			sum += s.Gauge.Value()
		case KindHistogram:
			sum += s.Histogram.Count()
		}
	})
	return sum
}

func (s *Series) matches(want []Label) bool {
	for _, l := range want {
		if s.Label(l.Name) != l.Value {
			return false
		}
	}
	return true
}

// series finds or makes the series; the caller fills in its value.
func (r *Registry) series(name string, kind Kind, labelPairs []string) *Series {
	f := r.families[name]
	if f == nil {
		f = &family{name: name, kind: kind, series: map[string]*Series{}}
		r.families[name] = f
	}
	if f.kind != kind {
		panic(fmt.Sprintf("metrics: %s is a %s, asked for as a %s", name, f.kind, kind))
	}
	labels := r.labels(labelPairs)
	key := keyOf(labels)
	s := f.series[key]
	if s == nil {
		s = &Series{Name: name, Labels: labels}
		f.series[key] = s
	}
	return s
}

// labels merges the view's constant labels with the given pairs, sorted by name; a given pair wins.
func (r *Registry) labels(labelPairs []string) []Label {
	labels := pairsOf("", labelPairs)
	for _, c := range r.constant {
		if !slices.ContainsFunc(labels, func(l Label) bool { return l.Name == c.Name }) {
			labels = append(labels, c)
		}
	}
	slices.SortFunc(labels, func(a, b Label) int { return cmp.Compare(a.Name, b.Name) })
	return labels
}

func pairsOf(name string, labelPairs []string) []Label {
	if len(labelPairs)%2 != 0 {
		panic(fmt.Sprintf("metrics: %s: label pairs must be even: %q", name, labelPairs))
	}
	labels := make([]Label, 0, len(labelPairs)/2+2)
	for i := 0; i < len(labelPairs); i += 2 {
		labels = append(labels, Label{Name: labelPairs[i], Value: labelPairs[i+1]})
	}
	return labels
}

// keyOf joins labels with bytes that sort below every printable character, so that keys sort as their labels do.
func keyOf(labels []Label) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(l.Name)
		b.WriteByte(1)
		b.WriteString(l.Value)
		b.WriteByte(0)
	}
	return b.String()
}
