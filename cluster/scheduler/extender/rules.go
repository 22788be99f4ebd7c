package extender

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	clusterclient "github.com/fauxkube/fauxkube/cluster/client"
)

// Rules is an extender that goes by the labels of nodes. It answers filter, prioritize, preempt and bind.
type Rules struct {
	// Nodes selects the nodes that fit; nil selects all.
	Nodes labels.Selector
	// Message is why others don't, and Unresolvable says that preemption would not help.
	Message      string
	Unresolvable bool
	// ScoreLabel names a label whose value, 0 to 10, is the node's score; nodes without it score 0.
	ScoreLabel string
}

// DefaultMessage is why a node doesn't fit, unless Rules say otherwise.
const DefaultMessage = "node(s) were refused by an extender"

// New makes the service: Config.New.
func (r Rules) New(env Env) Service {
	known := clusterclient.NewInformers(env.Client)
	s := &rules{Rules: r, client: env.Client, nodes: known.For(api.Nodes, clusterclient.Options{})}
	known.Start()
	return Service{Filter: s.filter, Prioritize: s.prioritize, Preempt: s.preempt, Bind: s.bind}
}

type rules struct {
	Rules
	client *clusterclient.Client
	nodes  *clusterclient.Informer
}

// each visits the nodes asked about: as they were sent, or by name as they are known here. One that is not known has no labels.
func (s *rules) each(args *extenderv1.ExtenderArgs, visit func(name string, labels map[string]string)) {
	if args.Nodes != nil {
		for i := range args.Nodes.Items {
			visit(args.Nodes.Items[i].Name, args.Nodes.Items[i].Labels)
		}
		return
	}
	for _, name := range *args.NodeNames {
		visit(name, s.labels(name))
	}
}

func (s *rules) labels(node string) map[string]string {
	if n, ok := s.nodes.Get("", node); ok {
		return n.GetLabels()
	}
	return nil
}

func (s *rules) fits(l map[string]string) bool {
	return s.Nodes == nil || s.Nodes.Matches(labels.Set(l))
}

func (s *rules) filter(args *extenderv1.ExtenderArgs) *extenderv1.ExtenderFilterResult {
	result := &extenderv1.ExtenderFilterResult{FailedNodes: map[string]string{}, FailedAndUnresolvableNodes: map[string]string{}}
	kept := []string{}
	s.each(args, func(name string, l map[string]string) {
		switch {
		case s.fits(l):
			kept = append(kept, name)
		case s.Unresolvable:
			result.FailedAndUnresolvableNodes[name] = s.message()
		default:
			result.FailedNodes[name] = s.message()
		}
	})
	if args.Nodes == nil {
		result.NodeNames = &kept
		return result
	}
	result.Nodes = &corev1.NodeList{}
	for i := range args.Nodes.Items {
		if s.fits(args.Nodes.Items[i].Labels) {
			result.Nodes.Items = append(result.Nodes.Items, args.Nodes.Items[i])
		}
	}
	return result
}

func (s *rules) message() string {
	if s.Message == "" {
		return DefaultMessage
	}
	return s.Message
}

func (s *rules) prioritize(args *extenderv1.ExtenderArgs) *extenderv1.HostPriorityList {
	list := extenderv1.HostPriorityList{}
	s.each(args, func(name string, l map[string]string) {
		score, err := strconv.ParseInt(l[s.ScoreLabel], 10, 64)
		if err != nil {
			score = extenderv1.MinExtenderPriority
		}
		list = append(list, extenderv1.HostPriority{Host: name, Score: min(max(score, extenderv1.MinExtenderPriority), extenderv1.MaxExtenderPriority)})
	})
	return &list
}

// preempt leaves the nodes that fit, with the victims proposed.
func (s *rules) preempt(args *extenderv1.ExtenderPreemptionArgs) *extenderv1.ExtenderPreemptionResult {
	victims := args.NodeNameToMetaVictims
	if victims == nil {
		victims = named(args.NodeNameToVictims)
	}
	left := map[string]*extenderv1.MetaVictims{}
	//sim:unordered builds another map
	for node, v := range victims {
		if s.fits(s.labels(node)) {
			left[node] = v
		}
	}
	return &extenderv1.ExtenderPreemptionResult{NodeNameToMetaVictims: left}
}

func (s *rules) bind(args *extenderv1.ExtenderBindingArgs, done func(*extenderv1.ExtenderBindingResult)) {
	s.client.Start(&api.Request{
		Verb: api.VerbCreate, Resource: api.Pods, Subresource: "binding", Namespace: args.PodNamespace, Name: args.PodName,
		Object: &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Namespace: args.PodNamespace, Name: args.PodName, UID: args.PodUID},
			Target:     corev1.ObjectReference{Kind: "Node", Name: args.Node},
		},
	}, func(_ *api.Response, err error) {
		result := &extenderv1.ExtenderBindingResult{}
		if err != nil {
			result.Error = fmt.Sprint(err)
		}
		done(result)
	})
}
