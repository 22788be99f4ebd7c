package comparison

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Row is one value of one run.
type Row struct {
	Scheduler string   `json:"scheduler"`
	Scenario  string   `json:"scenario"`
	Seed      uint64   `json:"seed"`
	Metric    string   `json:"metric"`
	At        *float64 `json:"at"`
	Value     float64  `json:"value"`
}

// rowLines are the rows as JSON.
func (d *Document) rowLines() [][]byte {
	var lines [][]byte
	for i := range d.runs {
		r := &d.runs[i]
		for _, m := range r.Measures {
			lines = append(lines, encode(Row{r.Scheduler, r.Scenario, r.Seed, m.Metric, m.At, m.Value}))
		}
	}
	return lines
}

func encode(value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("comparison: %T cannot be encoded: %v", value, err))
	}
	return data
}

// runOnHost is what a run took where it ran; with it, documents can be merged.
type runOnHost struct {
	Scheduler string `json:"scheduler"`
	Scenario  string `json:"scenario"`
	Seed      uint64 `json:"seed"`
	Decisions int    `json:"decisions"`
	Host      int64  `json:"host_ns"`
}

// JSON is the document with its rows, one on a line.
func (d *Document) JSON() []byte {
	head, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("comparison: the document cannot be encoded: %v", err))
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(head, []byte("\n}")))
	var runs [][]byte
	for i := range d.runs {
		r := &d.runs[i]
		runs = append(runs, encode(runOnHost{r.Scheduler, r.Scenario, r.Seed, r.Decisions, r.Host.Nanoseconds()}))
	}
	writeLines(&b, "host_runs", runs)
	writeLines(&b, "rows", d.rowLines())
	b.WriteString("\n}\n")
	return b.Bytes()
}

// writeLines adds a list with an element on each line.
func writeLines(b *bytes.Buffer, key string, lines [][]byte) {
	fmt.Fprintf(b, ",\n  %q: [", key)
	for i, line := range lines {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		b.Write(line)
	}
	if len(lines) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteByte(']')
}

// Decode reads a document back. What follows from its rows is computed anew.
func Decode(r io.Reader) (*Document, error) {
	var file struct {
		Document
		Runs []runOnHost `json:"host_runs"`
		Rows []Row       `json:"rows"`
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &file.Header); err != nil {
		return nil, fmt.Errorf("not the JSON of a comparison: %w", err)
	}
	if file.Version != Version {
		return nil, fmt.Errorf("not a comparison of this version: want version %q, got %q", Version, file.Version)
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("not the JSON of a comparison: %w", err)
	}
	if len(file.Metrics) == 0 {
		return nil, errors.New("a comparison without metrics")
	}
	return New(file.Header, file.Metrics, collect(file.Runs, file.Rows)), nil
}

// collect makes runs of their rows.
func collect(hosts []runOnHost, rows []Row) []Run {
	type key struct {
		scheduler, scenario string
		seed                uint64
	}
	at := map[key]int{}
	var runs []Run
	run := func(k key) *Run {
		i, ok := at[k]
		if !ok {
			i = len(runs)
			at[k] = i
			runs = append(runs, Run{Scheduler: k.scheduler, Scenario: k.scenario, Seed: k.seed})
		}
		return &runs[i]
	}
	for _, row := range rows {
		r := run(key{row.Scheduler, row.Scenario, row.Seed})
		r.Measures = append(r.Measures, Measure{row.Metric, row.At, row.Value})
	}
	for _, h := range hosts {
		r := run(key{h.Scheduler, h.Scenario, h.Seed})
		r.Decisions, r.Host = h.Decisions, time.Duration(h.Host)
	}
	return runs
}
