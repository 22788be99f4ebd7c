package registry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	unversioned "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Messages that several kinds share, as the API words them.
const (
	fieldImmutable    = "field is immutable"
	mustBeNonNegative = "must be greater than or equal to 0"
)

func itoa(n int) string { return strconv.Itoa(n) }

// atoi reads a number that we wrote ourselves; anything else counts as 0.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}

// invalid turns messages into errors about one value.
func invalid(path *field.Path, value any, msgs []string) field.ErrorList {
	var errs field.ErrorList
	for _, m := range msgs {
		errs = append(errs, field.Invalid(path, value, m))
	}
	return errs
}

func checkQualified(s string, path *field.Path) field.ErrorList {
	if isQualified(s) {
		return nil
	}
	return invalid(path, s, validation.IsQualifiedName(s))
}

func labelValueErrors(s string, path *field.Path) field.ErrorList {
	return invalid(path, s, validation.IsValidLabelValue(s))
}

func checkDNSLabel(s string, path *field.Path) field.ErrorList {
	if isLabel(s) {
		return nil
	}
	return invalid(path, s, validation.IsDNS1123Label(s))
}

func checkSubdomain(s string, path *field.Path) field.ErrorList {
	if isSubdomain(s) {
		return nil
	}
	return invalid(path, s, validation.IsDNS1123Subdomain(s))
}

func checkLabels(labels map[string]string, path *field.Path) field.ErrorList {
	if quickLabels(labels) {
		return nil
	}
	return unversioned.ValidateLabels(labels, path)
}

func checkSelector(s *metav1.LabelSelector, path *field.Path) field.ErrorList {
	if s == nil || len(s.MatchExpressions) == 0 && quickLabels(s.MatchLabels) {
		return nil
	}
	return unversioned.ValidateLabelSelector(s, unversioned.LabelSelectorValidationOptions{}, path)
}

// oneOf checks an enumeration.
func oneOf[T ~string](value T, allowed []T, required bool, path *field.Path) field.ErrorList {
	switch {
	case slices.Contains(allowed, value):
		return nil
	case value == "" && required:
		return field.ErrorList{field.Required(path, "")}
	case value == "":
		return nil
	}
	return field.ErrorList{field.NotSupported(path, value, allowed)}
}

func nonNegative[T ~int | ~int32 | ~int64](value T, path *field.Path) field.ErrorList {
	if value >= 0 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value, mustBeNonNegative).WithOrigin("minimum")}
}

func nonNegativeQuantity(q resource.Quantity, path *field.Path) field.ErrorList {
	if q.Sign() >= 0 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, q.String(), mustBeNonNegative)}
}

func nonNegativeOrPercent(v intstr.IntOrString, path *field.Path) field.ErrorList {
	if v.Type == intstr.Int {
		return nonNegative(v.IntVal, path)
	}
	if msgs := validation.IsValidPercent(v.StrVal); len(msgs) > 0 {
		return field.ErrorList{field.Invalid(path, v.StrVal, "must be an integer or percentage (e.g '5%')")}
	}
	return nil
}

// percentOver reports whether v is a percentage above 100.
func percentOver(v intstr.IntOrString) bool {
	return v.Type == intstr.String && percent(v) > 100
}

// percent is the number of a percentage, 0 for anything else.
func percent(v intstr.IntOrString) int {
	if v.Type != intstr.String || len(v.StrVal) < 2 {
		return 0
	}
	return atoi(v.StrVal[:len(v.StrVal)-1])
}

func checkPort(port int32, path *field.Path) field.ErrorList {
	if port >= 1 && port <= 65535 {
		return nil
	}
	return invalid(path, port, validation.IsValidPortNum(int(port)))
}

// checkPortOrName checks a port that may be named.
func checkPortOrName(p intstr.IntOrString, path *field.Path) field.ErrorList {
	switch p.Type {
	case intstr.Int:
		return checkPort(p.IntVal, path)
	case intstr.String:
		return invalid(path, p.StrVal, validation.IsValidPortName(p.StrVal))
	}
	return field.ErrorList{field.InternalError(path, fmt.Errorf("unknown type: %v", p.Type))}
}

func immutable(same bool, value any, path *field.Path) field.ErrorList {
	if same {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value, fieldImmutable).WithOrigin("immutable")}
}
