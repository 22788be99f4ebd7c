package openb

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// NodeFile is the list of the GPU nodes in a trace's folder.
const NodeFile = "openb_node_list_gpu_node.csv"

const mebibyte = 1 << 20

// Trace is a list of nodes and a list of pods, as the files have them.
type Trace struct {
	Nodes []policies.Node
	Pods  []policies.Pod
}

// Load reads a folder's GPU nodes and one of its pod lists. Errors name file, line and column.
func Load(folder, pods string) (*Trace, error) {
	t := &Trace{}
	if err := readCSV(filepath.Join(folder, NodeFile), t.addNode); err != nil {
		return nil, err
	}
	if err := readCSV(filepath.Join(folder, pods), t.addPod); err != nil {
		return nil, err
	}
	return t, nil
}

// row is a line of a file, its fields by column.
type row struct {
	file    string
	line    int
	columns map[string]int
	fields  []string
	err     error
}

func (r *row) text(column string) string {
	i, ok := r.columns[column]
	if !ok || i >= len(r.fields) {
		return ""
	}
	return r.fields[i]
}

// number reads a whole number; the first failure is kept.
func (r *row) number(column string) int64 {
	n, err := strconv.ParseInt(r.text(column), 10, 64)
	if (err != nil || n < 0) && r.err == nil {
		r.err = fmt.Errorf("%s:%d: %s: %q is not a whole number", r.file, r.line, column, r.text(column))
	}
	return n
}

// readCSV hands each line of a file to add.
func readCSV(file string, add func(*row)) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("the trace: %w", err)
	}
	defer f.Close()
	lines := csv.NewReader(f)
	header, err := lines.Read()
	if err != nil {
		return fmt.Errorf("%s: no header line: %w", file, err)
	}
	r := &row{file: file, columns: map[string]int{}}
	for i, name := range header {
		r.columns[name] = i
	}
	for {
		if r.fields, err = lines.Read(); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		r.line, _ = lines.FieldPos(0)
		add(r)
		if r.err != nil {
			return r.err
		}
	}
}

func (t *Trace) addNode(r *row) {
	n := policies.Node{Name: r.text("sn"), CPULeft: r.number("cpu_milli"), MemoryLeft: r.number("memory_mib") * mebibyte, Model: r.text("model")}
	for range r.number("gpu") {
		n.GPULeft = append(n.GPULeft, policies.GPUMilli)
	}
	t.Nodes = append(t.Nodes, n)
}

func (t *Trace) addPod(r *row) {
	t.Pods = append(t.Pods, policies.Pod{
		Name: r.text("name"), CPUMilli: r.number("cpu_milli"), MemoryBytes: r.number("memory_mib") * mebibyte,
		GPUs: int(r.number("num_gpu")), GPUMilli: r.number("gpu_milli"), Models: r.text("gpu_spec"),
	})
}

// GPUCapacity is the sum over the nodes, in thousandths.
func (t *Trace) GPUCapacity() (sum int64) {
	for i := range t.Nodes {
		sum += int64(len(t.Nodes[i].GPULeft)) * policies.GPUMilli
	}
	return sum
}
