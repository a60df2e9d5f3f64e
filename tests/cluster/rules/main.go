// Command rules answers questions about validation rules as the real server does.
//
// It reads one JSON question a line, and writes one JSON answer a line:
//
//	{"mode": "expr", "schema": {…}, "rule": "…", "value": …}      the type and value of an expression
//	{"mode": "schema", "schema": {…}}                             what is wrong with a schema
//	{"mode": "object", "schema": {…}, "value": …, "old": …}       what is wrong with an object
//
// With the argument "functions" it lists the overloads of all functions instead. With "fill" and a
// file it writes the answers into that file, which is one of `kubehandler-apiserver/src/cel/tests`.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	celgo "github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/version"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"k8s.io/apiserver/pkg/cel/environment"
)

type question struct {
	Mode   string          `json:"mode"`
	Schema json.RawMessage `json:"schema"`
	Rule   string          `json:"rule"`
	Value  json.RawMessage `json:"value"`
	Old    json.RawMessage `json:"old"`
	Status bool            `json:"status"`
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "functions" {
		listFunctions()
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "fill" {
		if err := fill(os.Args[2]); err != nil {
			panic(err)
		}
		return
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			panic(fmt.Sprintf("%v: %s", err, lines.Text()))
		}
		if err := out.Encode(answer(q)); err != nil {
			panic(err)
		}
	}
}

// listFunctions prints every overload that new rules can use.
func listFunctions() {
	env := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).NewExpressionsEnv()
	functions := env.Functions()
	names := []string{}
	for name := range functions {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, overload := range functions[name].OverloadDecls() {
			args := []string{}
			for _, arg := range overload.ArgTypes() {
				args = append(args, checker.FormatCELType(arg))
			}
			dot := ""
			if overload.IsMemberFunction() {
				dot = "."
			}
			fmt.Printf("%s %s%s -> %s\n", name, dot, strings.Join(args, ", "), checker.FormatCELType(overload.ResultType()))
		}
	}
}

func answer(q question) (result any) {
	defer func() {
		if r := recover(); r != nil {
			result = fmt.Sprintf("panic: %v", r)
		}
	}()
	var external v1.JSONSchemaProps
	if err := json.Unmarshal(q.Schema, &external); err != nil {
		return err.Error()
	}
	var props apiextensions.JSONSchemaProps
	if err := v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&external, &props, nil); err != nil {
		return err.Error()
	}
	if q.Mode == "schema" {
		return wrongSchema(&props, q.Status)
	}
	structural, err := schema.NewStructural(&props)
	if err != nil {
		return err.Error()
	}
	if q.Mode == "object" {
		return wrongObject(structural, value(q.Value), value(q.Old))
	}
	return evaluate(structural, q.Rule, value(q.Value))
}

func value(raw json.RawMessage) any {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil
	}
	var v any
	if err := utiljson.Unmarshal(raw, &v); err != nil {
		panic(err)
	}
	return v
}

func wrongSchema(props *apiextensions.JSONSchemaProps, hasStatus bool) []string {
	crd := &apiextensions.CustomResourceDefinition{
		Spec: apiextensions.CustomResourceDefinitionSpec{
			Group: "example.com",
			Scope: apiextensions.NamespaceScoped,
			Names: apiextensions.CustomResourceDefinitionNames{
				Plural: "widgets", Singular: "widget", Kind: "Widget", ListKind: "WidgetList",
			},
			PreserveUnknownFields: new(bool),
			Validation:            &apiextensions.CustomResourceValidation{OpenAPIV3Schema: props},
			Versions:              []apiextensions.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true}},
		},
	}
	crd.Name = "widgets.example.com"
	crd.Status.StoredVersions = []string{"v1"}
	if hasStatus {
		crd.Spec.Subresources = &apiextensions.CustomResourceSubresources{
			Status: &apiextensions.CustomResourceSubresourceStatus{},
		}
	}
	wrong := []string{}
	for _, err := range validation.ValidateCustomResourceDefinition(context.Background(), crd) {
		wrong = append(wrong, err.Error())
	}
	return wrong
}

func wrongObject(structural *schema.Structural, obj, old any) []string {
	validator := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	var options []cel.Option
	if old != nil {
		options = append(options, cel.WithRatcheting(
			common.NewCorrelatedObject(obj, old, &model.Structural{Structural: structural})))
	}
	wrong := []string{}
	errs, _ := validator.Validate(context.Background(), nil, structural, obj, old, celconfig.RuntimeCELCostBudget, options...)
	for _, err := range errs {
		wrong = append(wrong, err.Error())
	}
	sort.Strings(wrong)
	return wrong
}

func evaluate(structural *schema.Structural, rule string, self any) string {
	declType := model.SchemaDeclType(structural, false)
	if declType == nil {
		return "no type"
	}
	scoped := declType.MaybeAssignTypeName("selfType")
	set, err := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).Extend(
		environment.VersionedOptions{
			IntroducedVersion: version.MajorMinor(1, 0),
			EnvOptions: []celgo.EnvOption{
				celgo.Variable("self", scoped.CelType()),
				celgo.Variable("oldSelf", types.NewOptionalType(scoped.CelType())),
			},
			DeclTypes: []*apiservercel.DeclType{scoped},
		})
	if err != nil {
		return err.Error()
	}
	env := set.NewExpressionsEnv()
	ast, issues := env.Compile(rule)
	if issues != nil {
		return "E " + issues.String()
	}
	program, err := env.Program(ast, celgo.CostLimit(celconfig.PerCallLimit))
	if err != nil {
		return "P " + err.Error()
	}
	result, _, err := program.Eval(map[string]any{
		"self":    cel.UnstructuredToVal(self, structural),
		"oldSelf": types.OptionalNone,
	})
	kind := "T " + checker.FormatCELType(ast.OutputType()) + " "
	if err != nil {
		return kind + "X " + err.Error()
	}
	return kind + "V " + show(result)
}

func show(v ref.Val) string {
	switch v := v.(type) {
	case types.Null:
		return "null"
	case types.String:
		return strconv.Quote(string(v))
	case types.Bytes:
		return fmt.Sprintf("b%x", []byte(v))
	case types.Int:
		return fmt.Sprint(int64(v))
	case types.Uint:
		return fmt.Sprint(uint64(v)) + "u"
	case types.Double:
		return "d" + strconv.FormatFloat(float64(v), 'g', -1, 64)
	case types.Bool:
		return fmt.Sprint(bool(v))
	case types.Duration:
		return "duration " + v.Duration.String()
	case types.Timestamp:
		return "time " + v.Time.UTC().Format(time.RFC3339Nano)
	case *types.Type:
		return "type " + v.String()
	case *types.Optional:
		if !v.HasValue() {
			return "none"
		}
		return "some " + show(v.GetValue())
	case traits.Mapper:
		parts := []string{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			if key == nil { // A field without a schema.
				continue
			}
			parts = append(parts, show(key)+": "+show(v.Get(key)))
		}
		sort.Strings(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	case traits.Lister:
		parts := []string{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			parts = append(parts, show(it.Next()))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.Type().TypeName()
}
