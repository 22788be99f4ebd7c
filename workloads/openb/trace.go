package openb

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/workloads/arrivals"
)

// NodeFile is the list of the GPU nodes in a trace's folder.
const NodeFile = "openb_node_list_gpu_node.csv"

const (
	mebibyte = 1 << 20
	// largestNumber keeps sums over a trace far from overflow.
	largestNumber = 1 << 40
	// largestTime is 68 years in seconds; twice that still counts in nanoseconds.
	largestTime = 1 << 31
	// largestNode is far above any machine with GPUs.
	largestNode = 1024
)

// Trace is a list of nodes and a list of pods, as the files have them. Runs only read it.
type Trace struct {
	// Pods' file, without its folder.
	Name  string
	Nodes []policies.Node
	Pods  []policies.Pod
	// times are when each pod came and went, in seconds, as far as the file has them.
	times []times
	// noTimes says why the times are of no use; the protocol does not need them.
	noTimes error
}

type times struct{ created, deleted int64 }

// Load reads a folder's GPU nodes and one of its pod lists. Errors name file, line and column.
func Load(folder, pods string) (*Trace, error) {
	t := &Trace{Name: filepath.Base(pods)}
	if err := readCSV(filepath.Join(folder, NodeFile), []string{"sn", "cpu_milli", "memory_mib", "gpu", "model"}, t.addNode); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(pods) {
		pods = filepath.Join(folder, pods)
	}
	if err := readCSV(pods, podColumns, t.addPod); err != nil {
		return nil, err
	}
	if t.GPUCapacity() == 0 {
		return nil, fmt.Errorf("%s: no node has a GPU", filepath.Join(folder, NodeFile))
	}
	for i := range t.Pods {
		if t.Pods[i].GPUs > 0 {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%s: no pod asks for a GPU", pods)
}

// podColumns are those that a list of pods must have.
var podColumns = []string{"name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"}

// ReadPods reads a list of pods; name stands before what is wrong with it.
func ReadPods(name string, text io.Reader) ([]policies.Pod, error) {
	t := &Trace{}
	if err := readLines(name, text, podColumns, t.addPod); err != nil {
		return nil, err
	}
	return t.Pods, nil
}

// row is a line of a file.
type row struct {
	columns map[string]int
	fields  []string
	// err is the first thing wrong with it.
	err error
}

// text is a column's field, empty where the file does not have that column.
func (r *row) text(column string) string {
	i, ok := r.columns[column]
	if !ok {
		return ""
	}
	return r.fields[i]
}

// missing reports whether the file has no such column.
func (r *row) missing(column string) bool {
	_, ok := r.columns[column]
	return !ok
}

// number is a column's whole number from 0 to most.
func (r *row) number(column string, most int64) int64 {
	n, err := strconv.ParseInt(r.text(column), 10, 64)
	if (err != nil || n < 0 || n > most) && r.err == nil {
		r.err = fmt.Errorf("%s: want a whole number from 0 to %d, got %q", column, most, r.text(column))
	}
	return n
}

// readCSV hands each line of a file to add. The columns that must be there may stand in any order, among others.
func readCSV(file string, columns []string, add func(*row)) error {
	f, err := os.Open(file)
	if err != nil {
		var cause *os.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return fmt.Errorf("%s cannot be read: %w", file, err)
	}
	defer f.Close()
	return readLines(file, f, columns, add)
}

// readLines is readCSV of a file that is open.
func readLines(file string, text io.Reader, columns []string, add func(*row)) error {
	lines := csv.NewReader(text)
	r, err := readHeader(lines, columns)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for count := 0; ; count++ {
		r.fields, err = lines.Read()
		if err == io.EOF && count == 0 {
			return fmt.Errorf("%s: nothing below the line of column names", file)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if add(r); r.err != nil {
			line, _ := lines.FieldPos(0)
			return fmt.Errorf("%s: line %d: %w", file, line, r.err)
		}
	}
}

// readHeader reads the line of column names.
func readHeader(lines *csv.Reader, columns []string) (*row, error) {
	header, err := lines.Read()
	if err == io.EOF {
		return nil, errors.New("the file is empty")
	}
	if err != nil {
		return nil, err
	}
	r := &row{columns: map[string]int{}}
	for i, name := range header {
		r.columns[name] = i
	}
	for _, name := range columns {
		if _, ok := r.columns[name]; !ok {
			return nil, fmt.Errorf("line 1: no column is called %s", name)
		}
	}
	return r, nil
}

func (t *Trace) addNode(r *row) {
	n := policies.Node{
		Name: r.text("sn"), Model: r.text("model"),
		CPULeft: r.number("cpu_milli", largestNumber), MemoryLeft: r.number("memory_mib", largestNumber/mebibyte*1024) * mebibyte,
	}
	count := r.number("gpu", largestNode)
	if r.err != nil {
		return
	}
	for range count {
		n.GPULeft = append(n.GPULeft, policies.GPUMilli)
	}
	t.Nodes = append(t.Nodes, n)
}

func (t *Trace) addPod(r *row) {
	p := policies.Pod{
		Name: r.text("name"), Models: r.text("gpu_spec"),
		CPUMilli: r.number("cpu_milli", largestNumber), MemoryBytes: r.number("memory_mib", largestNumber/mebibyte*1024) * mebibyte,
		GPUs: int(r.number("num_gpu", largestNode)), GPUMilli: r.number("gpu_milli", policies.GPUMilli),
	}
	if (p.GPUs == 0) != (p.GPUMilli == 0) && r.err == nil {
		r.err = fmt.Errorf("num_gpu %d and gpu_milli %d: want both 0 or neither", p.GPUs, p.GPUMilli)
	}
	t.Pods = append(t.Pods, p)
	t.addTimes(r)
}

// addTimes reads when the pod came and went. A list without such columns, or with a line that makes no sense, is still
// good for the protocol.
func (t *Trace) addTimes(r *row) {
	if t.noTimes != nil || r.err != nil {
		return
	}
	if r.missing("creation_time") || r.missing("deletion_time") {
		t.noTimes = fmt.Errorf("%s: no columns are called creation_time and deletion_time, so nobody knows when pods come and go", t.Name)
		return
	}
	at := times{r.number("creation_time", largestTime), r.number("deletion_time", largestTime)}
	if r.err == nil && at.deleted < at.created {
		r.err = fmt.Errorf("deletion_time: %d is before creation_time, %d", at.deleted, at.created)
	}
	if r.err != nil {
		t.noTimes, r.err = fmt.Errorf("%s: pod %s: %w", t.Name, r.text("name"), r.err), nil
	}
	t.times = append(t.times, at)
}

// Jobs are the pods with when they came and how long they stayed. The error says why the list does not tell.
func (t *Trace) Jobs() ([]arrivals.Job, error) {
	if t.noTimes != nil {
		return nil, t.noTimes
	}
	jobs := make([]arrivals.Job, len(t.Pods))
	for i, at := range t.times {
		jobs[i] = arrivals.Job{Pod: t.Pods[i], Arrives: time.Duration(at.created) * time.Second, Stays: time.Duration(at.deleted-at.created) * time.Second}
	}
	return jobs, nil
}

// GPUCapacity is the sum over the nodes, in thousandths.
func (t *Trace) GPUCapacity() (sum int64) {
	for i := range t.Nodes {
		sum += int64(len(t.Nodes[i].GPULeft)) * policies.GPUMilli
	}
	return sum
}

// NewTrace is a trace that no file holds.
func NewTrace(name string, nodes []policies.Node, jobs []arrivals.Job) *Trace {
	t := &Trace{Name: name, Nodes: nodes}
	for i := range jobs {
		t.Pods = append(t.Pods, jobs[i].Pod)
		created := int64(jobs[i].Arrives / time.Second)
		t.times = append(t.times, times{created, created + int64(jobs[i].Stays/time.Second)})
	}
	return t
}
