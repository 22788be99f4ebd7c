package schedulerperf

import (
	"encoding/json"
	"fmt"
	"time"
)

// Names of the two throughputs, the clocks that figures are of, and what upstream puts before the names of measurements.
const (
	NamePrefix = "BenchmarkPerfScheduling/"

	Throughput          = "SchedulingThroughput"
	SimulatedThroughput = "SimulatedSchedulingThroughput"

	hostClock      = "host"
	simulatedClock = "simulated"
)

// DataItems is scheduler_perf's result, as perf-dash reads it.
type DataItems struct {
	Version   string     `json:"version"`
	DataItems []DataItem `json:"dataItems"`
}

// DataItem is one metric.
type DataItem struct {
	Data   map[string]float64 `json:"data"`
	Unit   string             `json:"unit"`
	Labels map[string]string  `json:"labels,omitempty"`
}

func throughputItem(metric, name, clock string, m *meter, count int) DataItem {
	item := DataItem{Data: map[string]float64{}, Unit: "pods/s", Labels: map[string]string{"Metric": metric, "Name": name, "Clock": clock}}
	if s, ok := m.summary(count); ok {
		item.Data = map[string]float64{"Average": s.Average, "Perc50": s.Perc50, "Perc90": s.Perc90, "Perc95": s.Perc95, "Perc99": s.Perc99}
	}
	return item
}

func durationItem(metric, name, clock string, d time.Duration) DataItem {
	return DataItem{
		Data: map[string]float64{"Duration": d.Seconds()}, Unit: "s",
		Labels: map[string]string{"Metric": metric, "Name": name, "Clock": clock},
	}
}

// JSON is the items of several results as a file. All items get the same labels, as perf-dash wants them.
func JSON(results ...*Result) []byte {
	all := DataItems{Version: "v1", DataItems: []DataItem{}}
	names := map[string]bool{}
	for _, r := range results {
		all.DataItems = append(all.DataItems, r.Items...)
	}
	for _, item := range all.DataItems {
		for name := range item.Labels { //sim:unordered builds a set
			names[name] = true
		}
	}
	for _, item := range all.DataItems {
		for name := range names { //sim:unordered fills a map
			if _, has := item.Labels[name]; !has {
				item.Labels[name] = "not applicable"
			}
		}
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("schedulerperf: data items cannot be encoded: %v", err))
	}
	return append(data, '\n')
}

// Verdict is a threshold of upstream's and what came out. It is information: upstream's thresholds are for its own machines.
type Verdict struct {
	Name, Metric, Bucket string
	// Clock is that of the threshold and of Value: the host's.
	Clock       string
	Threshold   float64
	Value       float64
	ExpectLower bool
	// Missing says why there is no Value; "" if there is one.
	Missing string
}

// Met reports whether the value is on the right side.
func (v Verdict) Met() bool {
	if v.ExpectLower {
		return v.Missing == "" && v.Value < v.Threshold
	}
	return v.Missing == "" && v.Value > v.Threshold
}

// judge compares the figures that a threshold is for, and notes it beside them.
func judge(items []DataItem, name string, threshold float64, s MetricSelector) []Verdict {
	if threshold == 0 {
		return nil
	}
	var verdicts []Verdict
	for _, item := range items {
		if item.Labels["Metric"] != s.Name || !matches(item.Labels, s.Labels) {
			continue
		}
		v := Verdict{Name: name, Metric: s.Name, Bucket: s.DataBucket, Clock: hostClock, Threshold: threshold, ExpectLower: s.ExpectLower}
		value, has := item.Data[s.DataBucket]
		switch {
		case item.Labels["Clock"] != hostClock:
			v.Missing = "the threshold is of host time, and this metric is simulated"
		case !has:
			v.Missing = "no pod was scheduled"
		default:
			v.Value = value
			item.Data[s.DataBucket+"Threshold"] = threshold
		}
		verdicts = append(verdicts, v)
	}
	if len(verdicts) == 0 {
		missing := "not measured"
		if s.Name == Throughput {
			missing = "no clock of the host was given"
		}
		verdicts = append(verdicts, Verdict{Name: name, Metric: s.Name, Bucket: s.DataBucket, Clock: hostClock, Threshold: threshold, Missing: missing})
	}
	return verdicts
}

func matches(labels, wanted map[string]string) bool {
	for name, value := range wanted { //sim:unordered all must match
		if labels[name] != value {
			return false
		}
	}
	return true
}
