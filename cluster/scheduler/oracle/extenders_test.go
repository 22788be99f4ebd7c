package oracle

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/scheduler/extender"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

// drawExtenders draws none to two extenders, as they stand in a configuration file.
func drawExtenders(t *rapid.T, server string) string {
	n := testcluster.Pick(t, "extenders", []int{0, 0, 1, 2})
	if n == 0 {
		return ""
	}
	yaml := "extenders:\n"
	for i := range n {
		yaml += fmt.Sprintf("- urlPrefix: %s/%d/\n  nodeCacheCapable: %v\n  ignorable: %v\n", server, i,
			rapid.Bool().Draw(t, "nodeCacheCapable"), rapid.Bool().Draw(t, "ignorable"))
		if testcluster.Pick(t, "filters", []bool{true, true, false}) {
			yaml += "  filterVerb: filter\n"
		}
		if testcluster.Pick(t, "prioritizes", []bool{true, true, false}) {
			yaml += fmt.Sprintf("  prioritizeVerb: prioritize\n  weight: %d\n", testcluster.Pick(t, "weight", []int{1, 5}))
		}
		if i == 0 && testcluster.Pick(t, "manages", []bool{false, false, true}) {
			yaml += fmt.Sprintf("  managedResources: [{name: example.com/gpu, ignoredByScheduler: %v}]\n", rapid.Bool().Draw(t, "ignored"))
		}
	}
	return yaml
}

// draw is a number that depends on a text only.
func draw(text string, n int) int {
	h := fnv.New32a()
	h.Write([]byte(text))
	return int(h.Sum32()>>3) % n
}

// whims answers as an extender whose mind depends on the names of things.
func whims(path string, args *extenderv1.ExtenderArgs) (any, int) {
	nodes := []string{}
	if args.NodeNames != nil {
		nodes = *args.NodeNames
	} else {
		for _, n := range args.Nodes.Items {
			nodes = append(nodes, n.Name)
		}
	}
	switch draw(path+args.Pod.Name, 12) {
	case 0:
		return nil, http.StatusInternalServerError
	case 1:
		return &extenderv1.ExtenderFilterResult{Error: "no mood for " + args.Pod.Name}, http.StatusOK
	}
	if strings.HasSuffix(path, "prioritize") {
		list := extenderv1.HostPriorityList{}
		for _, name := range nodes {
			if draw(path+name, 4) > 0 {
				list = append(list, extenderv1.HostPriority{Host: name, Score: int64(draw(path+args.Pod.Name+name, 11))})
			}
		}
		return &list, http.StatusOK
	}
	return filterByWhim(path, args, nodes), http.StatusOK
}

func filterByWhim(path string, args *extenderv1.ExtenderArgs, nodes []string) *extenderv1.ExtenderFilterResult {
	result := &extenderv1.ExtenderFilterResult{FailedNodes: map[string]string{}, FailedAndUnresolvableNodes: map[string]string{}}
	kept := []string{}
	for _, name := range nodes {
		switch draw(path+args.Pod.Name+name, 6) {
		case 0:
			result.FailedNodes[name] = "too loud"
		case 1:
			result.FailedAndUnresolvableNodes[name] = "too far"
			result.FailedNodes[name] = "too loud"
		case 2: // left out without a word
		default:
			kept = append(kept, name)
		}
	}
	if args.NodeNames != nil {
		result.NodeNames = &kept
		return result
	}
	result.Nodes = &corev1.NodeList{}
	for _, name := range kept {
		for _, n := range args.Nodes.Items {
			if n.Name == name {
				result.Nodes.Items = append(result.Nodes.Items, n)
			}
		}
	}
	return result
}

// extenderServer answers kube-scheduler over HTTP.
func extenderServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		args := &extenderv1.ExtenderArgs{}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, args)
		}
		if err != nil {
			panic(err)
		}
		answer, code := whims(r.URL.Path, args)
		if code != http.StatusOK {
			w.WriteHeader(code)
			return
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			panic(err)
		}
	}))
}

// inProcess answers ours.
type inProcess struct{ server string }

func (p inProcess) Post(url string, args any, _ int, _ time.Duration) (any, error) {
	path := strings.TrimPrefix(url, p.server)
	answer, code := whims(path, args.(*extenderv1.ExtenderArgs))
	if code != http.StatusOK {
		return nil, extender.Code(code)
	}
	if bad, ok := answer.(*extenderv1.ExtenderFilterResult); ok && strings.HasSuffix(path, "prioritize") {
		return nil, fmt.Errorf("an object for a list: %v", bad) // as JSON says
	}
	return answer, nil
}

func (inProcess) PostAside(string, any, int, time.Duration, func(any, error)) {
	panic("nothing is bound here")
}
