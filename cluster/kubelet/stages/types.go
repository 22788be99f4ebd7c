package stages

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Stage is KWOK's kind Stage of kwok.x-k8s.io/v1alpha1: what happens to objects that a selector matches, and when.
type Stage struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              Spec `json:"spec"`
	Status            any  `json:"status,omitempty"`
}

// Spec is a stage's specification.
type Spec struct {
	ResourceRef        ResourceRef     `json:"resourceRef"`
	Selector           *Selector       `json:"selector,omitempty"`
	Weight             int64           `json:"weight,omitempty"`
	WeightFrom         *ExpressionFrom `json:"weightFrom,omitempty"`
	Delay              *Delay          `json:"delay,omitempty"`
	Next               *Next           `json:"next,omitempty"`
	Steps              []Step          `json:"steps,omitempty"`
	ImmediateNextStage bool            `json:"immediateNextStage,omitempty"`
}

// ResourceRef names the kind that the stage is for. KWOK's APIGroup is a group and version: "v1" is the core group.
type ResourceRef struct {
	APIGroup string `json:"apiGroup,omitempty"`
	Kind     string `json:"kind"`
}

// Selector says which objects match: all of its parts.
type Selector struct {
	MatchLabels      map[string]string `json:"matchLabels,omitempty"`
	MatchAnnotations map[string]string `json:"matchAnnotations,omitempty"`
	MatchExpressions []MatchExpression `json:"matchExpressions,omitempty"`
}

// MatchExpression compares the values that a jq query finds in the object.
type MatchExpression struct {
	Key      string   `json:"key,omitempty"`
	Operator Operator `json:"operator,omitempty"`
	Values   []string `json:"values,omitempty"`

	JQ  *SelectorJQ `json:"jq,omitempty"`
	CEL any         `json:"cel,omitempty"`
}

// SelectorJQ is the newer spelling of key, operator and values.
type SelectorJQ struct {
	Key      string   `json:"key"`
	Operator Operator `json:"operator"`
	Values   []string `json:"values,omitempty"`
}

// Operator compares the found values with the listed ones.
type Operator string

// The operators.
const (
	In           Operator = "In"
	NotIn        Operator = "NotIn"
	Exists       Operator = "Exists"
	DoesNotExist Operator = "DoesNotExist"
)

// ExpressionFrom reads a value from the object by a jq query.
type ExpressionFrom struct {
	ExpressionFrom string `json:"expressionFrom,omitempty"`
	JQ             *struct {
		Expression string `json:"expression"`
	} `json:"jq,omitempty"`
	CEL any `json:"cel,omitempty"`
}

// Delay says how long the stage waits: drawn between the duration and the jitter duration.
type Delay struct {
	DurationMilliseconds       *int64          `json:"durationMilliseconds,omitempty"`
	DurationFrom               *ExpressionFrom `json:"durationFrom,omitempty"`
	JitterDurationMilliseconds *int64          `json:"jitterDurationMilliseconds,omitempty"`
	JitterDurationFrom         *ExpressionFrom `json:"jitterDurationFrom,omitempty"`
}

// Next is what the stage does, in the older form.
type Next struct {
	Event             *Event      `json:"event,omitempty"`
	Finalizers        *Finalizers `json:"finalizers,omitempty"`
	Delete            bool        `json:"delete,omitempty"`
	Patches           []Patch     `json:"patches,omitempty"`
	StatusTemplate    string      `json:"statusTemplate,omitempty"`
	StatusSubresource *string     `json:"statusSubresource,omitempty"`
	StatusPatchAs     *PatchAs    `json:"statusPatchAs,omitempty"`
}

// Step is what the stage does, in the newer form: steps run in order.
type Step struct {
	Event      *Event      `json:"event,omitempty"`
	Finalizers *Finalizers `json:"finalizers,omitempty"`
	Delete     bool        `json:"delete,omitempty"`
	Patch      *Patch      `json:"patch,omitempty"`
	Apply      any         `json:"apply,omitempty"`
}

// Event is a Kubernetes Event on the object.
type Event struct {
	Type    string `json:"type,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Finalizers adds and removes finalizers of the object.
type Finalizers struct {
	Add    []Finalizer `json:"add,omitempty"`
	Remove []Finalizer `json:"remove,omitempty"`
	Empty  bool        `json:"empty,omitempty"`
}

// Finalizer is one finalizer.
type Finalizer struct {
	Value string `json:"value,omitempty"`
}

// Patch changes the object by what a Go template renders.
type Patch struct {
	Subresource   string   `json:"subresource,omitempty"`
	Root          string   `json:"root,omitempty"`
	Template      string   `json:"template,omitempty"`
	Type          string   `json:"type,omitempty"` // json, merge, strategic
	Impersonation *PatchAs `json:"impersonation,omitempty"`
}

// PatchAs is whom to impersonate while patching.
type PatchAs struct {
	Username string `json:"username"`
}
