package schedulerperf

import (
	"encoding/json"
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/metrics"
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

// add adds a throughput. Clock says on which clock it was counted; upstream's are of the host.
func (d *DataItems) add(name string, s metrics.ThroughputSummary) {
	d.DataItems = append(d.DataItems, DataItem{
		Data:   map[string]float64{"Average": s.Average, "Perc50": s.Perc50, "Perc90": s.Perc90, "Perc95": s.Perc95, "Perc99": s.Perc99},
		Unit:   "pods/s",
		Labels: map[string]string{"Metric": "SchedulingThroughput", "Name": name, "Clock": "simulated"},
	})
}

// JSON is the result as a file.
func (d *DataItems) JSON() []byte {
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("schedulerperf: data items cannot be encoded: %v", err))
	}
	return append(data, '\n')
}
