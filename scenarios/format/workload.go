package format

import (
	"reflect"

	"go.yaml.in/yaml/v3"
)

// Workload has objects arrive, each a copy of a template, and leave again. The step is done when the last has been
// created; departures go on.
type Workload struct {
	Duration Duration     `json:"duration,omitempty" jsonschema_description:"how long objects arrive"`
	Count    int          `json:"count,omitempty" jsonschema:"minimum=1" jsonschema_description:"how many arrive at most; without duration, how many arrive"`
	Arrival  Arrival      `json:"arrival" jsonschema_description:"when they arrive; exactly one process"`
	Lifetime *Amounts     `json:"lifetime,omitempty" jsonschema_description:"durations after which an object is deleted: a pod since it runs, others since they were created; for ever unless given"`
	Sizes    WorkloadSize `json:"sizes,omitempty" jsonschema_description:"what is drawn for each in place of what the manifest says"`
	Manifest string       `json:"manifest" jsonschema_description:"the template, inline YAML of one document; names get a number appended"`

	Line         int `json:"-"`
	ManifestLine int `json:"-"`
}

// Arrival is an arrival process. Exactly one is given.
type Arrival struct {
	Poisson *Every   `json:"poisson,omitempty" jsonschema_description:"arrivals that do not know of each other"`
	Regular *Every   `json:"regular,omitempty" jsonschema_description:"one in each interval"`
	Bursty  *Bursty  `json:"bursty,omitempty" jsonschema_description:"Poisson arrivals that switch between two rates (a Markov-modulated Poisson process)"`
	Diurnal *Diurnal `json:"diurnal,omitempty" jsonschema_description:"Poisson arrivals whose rate follows the time of day"`
	Renewal *Renewal `json:"renewal,omitempty" jsonschema_description:"independent gaps of any distribution"`

	Line int `json:"-"`
}

// Every is a mean time between arrivals.
type Every struct {
	Every Duration `json:"every" jsonschema_description:"mean time between arrivals"`

	Line int `json:"-"`
}

// Bursty switches between two phases.
type Bursty struct {
	Calm  BurstyPhase `json:"calm" jsonschema_description:"what it begins with"`
	Burst BurstyPhase `json:"burst"`

	Line int `json:"-"`
}

// BurstyPhase is one of them.
type BurstyPhase struct {
	Every Duration `json:"every,omitempty" jsonschema_description:"mean time between arrivals; none arrive unless given"`
	For   Duration `json:"for" jsonschema_description:"how long the phase lasts on average"`
}

// Diurnal follows weights.
type Diurnal struct {
	Every   Duration `json:"every" jsonschema_description:"mean time between arrivals over a period"`
	Period  Duration `json:"period,omitempty" jsonschema_description:"24h unless given"`
	Weights []int    `json:"weights,omitempty" jsonschema_description:"the rate in equal parts of the period, beginning with the step: as many numbers as there are parts; those of the openb trace unless given"`

	Line int `json:"-"`
}

// Renewal draws gaps.
type Renewal struct {
	Gaps Amounts `json:"gaps" jsonschema_description:"durations between arrivals"`
}

// WorkloadSize says what is drawn for each object.
type WorkloadSize struct {
	CPU      *Amounts `json:"cpu,omitempty" jsonschema_description:"the first container's request, and its limit where the manifest has one: quantities such as 500m"`
	Memory   *Amounts `json:"memory,omitempty" jsonschema_description:"the same of memory: quantities such as 2Gi"`
	GPUs     *Amounts `json:"gpus,omitempty" jsonschema_description:"whole GPUs, by annotation"`
	GPUMilli *Amounts `json:"gpuMilli,omitempty" jsonschema_description:"thousandths of one GPU, by annotation"`
	Replicas *Amounts `json:"replicas,omitempty" jsonschema_description:"replicas, or a Job's completions, all at once"`
}

// Amounts is a distribution of durations, quantities or numbers, whichever its field is about. Exactly one of the shapes
// is given; a single value is short for fixed.
type Amounts struct {
	Fixed       string        `json:"fixed,omitempty" jsonschema_description:"always the same"`
	Uniform     *Range        `json:"uniform,omitempty" jsonschema_description:"evenly from min to max"`
	Exponential *MeanOnly     `json:"exponential,omitempty" jsonschema_description:"of a mean"`
	LogNormal   *MedianAndP99 `json:"lognormal,omitempty" jsonschema_description:"of a median and a 99th percentile"`
	Normal      *Normal       `json:"normal,omitempty" jsonschema_description:"of a mean and a standard deviation; below 0 counts as 0"`
	Pareto      *Pareto       `json:"pareto,omitempty" jsonschema_description:"from min, with a tail that is the heavier the smaller alpha is"`
	Weibull     *Weibull      `json:"weibull,omitempty" jsonschema_description:"of a scale and a shape"`
	Gamma       *Gamma        `json:"gamma,omitempty" jsonschema_description:"of a mean and a shape"`
	Values      []Weighted    `json:"values,omitempty" jsonschema_description:"one of several values, by weight"`
	Quantiles   []Quantile    `json:"quantiles,omitempty" jsonschema_description:"through points from at: 0 to at: 1, straight on a logarithmic scale between them"`
	Mixture     []Component   `json:"mixture,omitempty" jsonschema_description:"from one of several distributions, by weight"`
	AtLeast     string        `json:"atLeast,omitempty" jsonschema_description:"what is less becomes this"`
	AtMost      string        `json:"atMost,omitempty" jsonschema_description:"what is more becomes this"`

	Line int `json:"-"`
}

// The shapes of Amounts.
type (
	// Range has both ends.
	Range struct {
		Min string `json:"min"`
		Max string `json:"max"`
	}
	// MeanOnly is all that an exponential distribution needs.
	MeanOnly struct {
		Mean string `json:"mean"`
	}
	// MedianAndP99 says how wide a log-normal distribution is.
	MedianAndP99 struct {
		Median string `json:"median"`
		P99    string `json:"p99"`
	}
	// Normal is the bell.
	Normal struct {
		Mean      string `json:"mean"`
		Deviation string `json:"deviation"`
	}
	// Pareto falls with the power alpha.
	Pareto struct {
		Min   string  `json:"min"`
		Alpha float64 `json:"alpha"`
	}
	// Weibull of shape 1 is exponential; below 1 its tail is heavier.
	Weibull struct {
		Scale string  `json:"scale"`
		Shape float64 `json:"shape"`
	}
	// Gamma of shape 1 is exponential; above 1 it has a hump.
	Gamma struct {
		Mean  string  `json:"mean"`
		Shape float64 `json:"shape"`
	}
	// Weighted is a value; without a weight it weighs 1.
	Weighted struct {
		Value     string  `json:"value"`
		Weight    float64 `json:"weight,omitempty"`
		HasWeight bool    `json:"-"`
	}
	// Quantile is a value that the part at of all do not exceed.
	Quantile struct {
		At    float64 `json:"at"`
		Value string  `json:"value"`
	}
	// Component is a part of a mixture; without a weight it weighs 1.
	Component struct {
		Weight    float64 `json:"weight,omitempty"`
		HasWeight bool    `json:"-"`
		Of        Amounts `json:"of"`
	}
)

// decodeNode reads a single value or a shape.
func (a *Amounts) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.ScalarNode {
		a.Fixed, a.Line = n.Value, n.Line
		return
	}
	d.structure(n, path, reflect.ValueOf(a).Elem())
}

// validateWorkload checks that it ends, and that one process says when objects arrive.
func (d *decoder) validateWorkload(w *Workload, at *yaml.Node, field string) {
	if w.Duration == 0 && w.Count == 0 {
		d.fail(at, field, "never ends: want duration, count or both")
	}
	if w.Manifest == "" {
		d.fail(at, field+".manifest", "want the template of what arrives")
	}
	a := &w.Arrival
	given := 0
	for _, is := range []bool{a.Poisson != nil, a.Regular != nil, a.Bursty != nil, a.Diurnal != nil, a.Renewal != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		d.fail(at, field+".arrival", "has %d of poisson, regular, bursty, diurnal and renewal: want exactly one", given)
	}
}

// workloadText is what the ID of a step without a name is derived from.
func workloadText(w *Workload) string {
	if w == nil {
		return ""
	}
	return "workload " + w.Manifest
}
