package reports

import (
	"encoding/json"
	"fmt"
	"time"
)

// Version is the format of a Report.
const Version = "fauxkube.dev/report/v1alpha1"

// Verdict is the result of a run, a step or an expectation.
type Verdict string

// The verdicts.
const (
	Held    Verdict = "held"
	Failed  Verdict = "failed"
	NotSeen Verdict = "not decided" // The run ended before it could be decided.
)

// Report is what one run of one scenario with one seed results in. Durations are simulated seconds unless named
// otherwise.
type Report struct {
	Version  string   `json:"version"`
	Scenario Scenario `json:"scenario"`
	Seed     uint64   `json:"seed"`
	Mode     string   `json:"mode"`
	Verdict  Verdict  `json:"verdict"`
	// Partial is why the run ended before its end; empty for a whole run.
	Partial string `json:"partial,omitempty"`
	// Repeat is the command that runs it again.
	Repeat string `json:"repeat"`
	// Digest covers every step and is per binary; Outcome covers final objects, Events and verdicts.
	Digest  string `json:"digest"`
	Outcome string `json:"outcome"`

	SimulatedSeconds float64 `json:"simulatedSeconds"`
	Steps            uint64  `json:"kernelSteps"`

	Cluster      Cluster       `json:"cluster"`
	Timeline     []Step        `json:"steps"`
	Expectations []Expectation `json:"expectations"`
	Measures     []Measure     `json:"measures,omitempty"`
	Findings     []Finding     `json:"findings,omitempty"`
	Latencies    []Latency     `json:"latencies"`
	Requests     []Requests    `json:"requests"`
	Store        Store         `json:"store"`
	StoreLoad    *StoreLoad    `json:"storeLoad,omitempty"`
	Costs        []Cost        `json:"costs"`
	// Decisions explain scheduling attempts of the pods that were asked about.
	Decisions []Decision `json:"decisions,omitempty"`

	Host Host `json:"host"`
}

// Scenario says what ran.
type Scenario struct {
	Name string `json:"name"`
	File string `json:"file,omitempty"`
	Hash string `json:"hash"`
}

// Cluster says on what it ran.
type Cluster struct {
	Kubernetes  string `json:"kubernetes"`
	APIServers  int    `json:"apiservers"`
	EtcdMembers int    `json:"etcdMembers"`
	Nodes       int    `json:"nodes"`
	PodsAtEnd   int    `json:"podsAtEnd"`
	Objects     int    `json:"objectsAtEnd"`
	// DefaultImages are the images of which nothing was known, so that the defaults were used.
	DefaultImages []string `json:"defaultImages,omitempty"`
	// SkippedKinds are objects that were left out because their kind is not served.
	SkippedKinds []string `json:"skippedKinds,omitempty"`
}

// Step is what happened at one step.
type Step struct {
	ID      string   `json:"id"`
	What    string   `json:"what"`
	Verdict Verdict  `json:"verdict"`
	Started *float64 `json:"startedSeconds,omitempty"`
	Ended   *float64 `json:"endedSeconds,omitempty"`
	// Convergence is the time from the step's end until everything desired was there and stayed; nil if never.
	Convergence *float64 `json:"convergenceSeconds,omitempty"`
	Output      string   `json:"output,omitempty"`
	Error       string   `json:"error,omitempty"`
}

// Expectation is the verdict on one expectation.
type Expectation struct {
	ID      string  `json:"id"`
	Kind    string  `json:"kind"` // always, never, eventually
	Text    string  `json:"text"`
	Verdict Verdict `json:"verdict"`
	// At is when it was decided: first violation, or the time from which it held.
	At      *float64 `json:"atSeconds,omitempty"`
	Message string   `json:"message,omitempty"`
	// Sides are the values of both sides of its comparisons at that time.
	Sides []string `json:"sides,omitempty"`
}

// Measure is the verdict on a bound.
type Measure struct {
	ID      string   `json:"id"`
	Metric  string   `json:"metric"`
	Value   *float64 `json:"value,omitempty"`
	Bound   string   `json:"bound"`
	Verdict Verdict  `json:"verdict"`
	Message string   `json:"message,omitempty"`
}

// Finding is something that went wrong without an expectation having asked: an object that is not ready, a pod that
// cannot be scheduled, an invariant that broke.
type Finding struct {
	Object  string `json:"object"`
	Message string `json:"message"`
}

// Latency summarises one latency in simulated milliseconds.
type Latency struct {
	Name   string  `json:"name"`
	Labels string  `json:"labels,omitempty"`
	Count  int64   `json:"count"`
	P50    float64 `json:"p50Ms"`
	P90    float64 `json:"p90Ms"`
	P99    float64 `json:"p99Ms"`
	Max    float64 `json:"maxMs"`
}

// Requests counts one client's requests of one sort.
type Requests struct {
	Client   string `json:"client"`
	Verb     string `json:"verb"`
	Resource string `json:"resource"`
	Code     int    `json:"code"`
	Count    int64  `json:"count"`
}

// Store holds figures of the store.
type Store struct {
	Revision      int64 `json:"revision"`
	Keys          int64 `json:"keys"`
	Bytes         int64 `json:"bytes"`
	LeaderChanges int64 `json:"leaderChanges"`
	Fsyncs        int64 `json:"fsyncs"`
}

// StoreLoad is what clients of a store alone saw, and what happened to it meanwhile.
type StoreLoad struct {
	Answered  int64 `json:"answered"`
	Failed    int64 `json:"failed"` // They may have taken effect all the same.
	Refused   int64 `json:"refused"`
	Events    int64 `json:"watchEvents"`
	Bookmarks int64 `json:"progressNotifications"`
	Renewals  int64 `json:"leaseRenewals"`
	Expiries  int64 `json:"leaseExpiries"`

	Elections []Election    `json:"elections"`
	Exits     []MemberExit  `json:"exits,omitempty"`
	Windows   []StoreWindow `json:"windows"`
}

// Election is a member that came to lead.
type Election struct {
	At     float64 `json:"atSeconds"`
	Term   uint64  `json:"term"`
	Member string  `json:"member"`
}

// MemberExit is a member that ended itself, once or, as it was started again, several times for the same reason.
type MemberExit struct {
	At    float64 `json:"atSeconds"`
	Host  string  `json:"host"`
	Why   string  `json:"why"`
	Times int     `json:"times"`
	Last  float64 `json:"lastSeconds"`
}

// AddExit takes a member's end in.
func (l *StoreLoad) AddExit(at float64, host, why string) {
	for i := range l.Exits {
		if e := &l.Exits[i]; e.Host == host && e.Why == why {
			e.Times, e.Last = e.Times+1, at
			return
		}
	}
	l.Exits = append(l.Exits, MemberExit{At: at, Host: host, Why: why, Times: 1, Last: at})
}

// StoreWindow is what happened in a span of time. Latencies are in simulated milliseconds, of what was answered.
type StoreWindow struct {
	At        float64  `json:"atSeconds"`
	Answered  int64    `json:"answered"`
	Failed    int64    `json:"failed"`
	PerSecond float64  `json:"perSecond"`
	WriteP50  float64  `json:"writeP50Ms"`
	WriteP99  float64  `json:"writeP99Ms"`
	ReadP50   float64  `json:"readP50Ms"`
	ReadP99   float64  `json:"readP99Ms"`
	Leaders   []string `json:"leaders,omitempty"`
	Faults    []string `json:"faults,omitempty"`
}

// Cost is one row of the cost model as it was charged.
type Cost struct {
	Operation  string  `json:"operation"`
	Count      int64   `json:"count"`
	CPUSeconds float64 `json:"cpuSeconds"`
	Share      float64 `json:"share"`
	// Assumed: whoever is charged so declares no cost.
	Assumed bool `json:"assumedCost,omitempty"`
}

// Host is what the run cost the machine that it ran on: the one part that differs from run to run.
type Host struct {
	Seconds         float64 `json:"seconds"`
	EventsPerSecond float64 `json:"eventsPerSecond"`
	// Speed is simulated time to host time.
	Speed float64 `json:"simulatedPerHostSecond"`
}

// SetHost fills in what the run took.
func (r *Report) SetHost(took time.Duration) {
	seconds := took.Seconds()
	r.Host.Seconds = seconds
	if seconds > 0 {
		r.Host.EventsPerSecond = float64(r.Steps) / seconds
		r.Host.Speed = r.SimulatedSeconds / seconds
	}
}

// JSON renders the report, indented, with a final newline.
func (r *Report) JSON() []byte {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("reports: a report cannot be encoded: %v", err))
	}
	return append(data, '\n')
}

// Parse reads a report. It refuses versions that it does not know.
func Parse(data []byte) (*Report, error) {
	var version struct{ Version string }
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("this is not a report: %w", err)
	}
	if version.Version != Version {
		return nil, fmt.Errorf("report version %q is not known here: want %s", version.Version, Version)
	}
	r := &Report{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("this is not a report of version %s: %w", Version, err)
	}
	return r, nil
}

// Failures lists in words what did not hold, first steps, then expectations, measures and findings.
func (r *Report) Failures() []string {
	var failures []string
	for _, s := range r.Timeline {
		if s.Verdict == Failed {
			failures = append(failures, fmt.Sprintf("step %s: %s", s.ID, s.Error))
		}
	}
	for _, e := range r.Expectations {
		if e.Verdict != Held {
			failures = append(failures, fmt.Sprintf("%s: %s", e.ID, e.Message))
		}
	}
	for _, m := range r.Measures {
		if m.Verdict != Held {
			failures = append(failures, fmt.Sprintf("%s: %s", m.ID, m.Message))
		}
	}
	for _, f := range r.Findings {
		failures = append(failures, f.Object+": "+f.Message)
	}
	return failures
}
