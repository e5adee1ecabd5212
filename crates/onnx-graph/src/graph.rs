//! The graph: built value by value, always valid.

use std::collections::{BTreeMap, BTreeSet};

use crate::data_type::{DataType, Element};
use crate::node::Node;
use crate::value::{Dim, Tensor, TensorType, Value};
use crate::{Error, infer};

/// Declared types of results of nodes, by name.
pub(crate) type Declared = BTreeMap<String, TensorType>;

/// A computation graph: inputs, constants, nodes in topological order, outputs.
///
/// Nodes can only use values that exist already, so that a graph has no cycles and defines each
/// value once. The typed operators (`conv`, `gemm`, …) take the name of the new node, which is also
/// the name of its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    name: String,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
    initializers: Vec<Tensor>,
    nodes: Vec<Node>,
    node_names: BTreeSet<String>,
    /// Every value that is defined; `None` where nothing is known of its type.
    values: BTreeMap<String, Option<TensorType>>,
}

impl Graph {
    /// An empty graph.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            initializers: Vec::new(),
            nodes: Vec::new(),
            node_names: BTreeSet::new(),
            values: BTreeMap::new(),
        }
    }

    /// Adds an input.
    ///
    /// # Errors
    /// [`Error::DuplicateName`] or [`Error::EmptyName`].
    pub fn input(
        &mut self,
        name: &str,
        data_type: DataType,
        shape: &[Dim],
    ) -> Result<Value, Error> {
        let value = self.define(name, TensorType::new(data_type, shape))?;
        self.inputs.push(value.clone());
        Ok(value)
    }

    /// Adds a constant, such as a weight, of `values` in row-major order.
    ///
    /// # Errors
    /// [`Error::TensorLength`] when the values do not fill the shape; [`Error::DuplicateName`] or
    /// [`Error::EmptyName`].
    pub fn initializer<T: Element>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[T],
    ) -> Result<Value, Error> {
        self.tensor(Tensor::new(name, shape, values)?)
    }

    /// Adds an existing tensor as a constant.
    ///
    /// # Errors
    /// [`Error::DuplicateName`] or [`Error::EmptyName`].
    pub fn tensor(&mut self, tensor: Tensor) -> Result<Value, Error> {
        let value = self.define(tensor.name(), tensor.tensor_type())?;
        self.initializers.push(tensor);
        Ok(value)
    }

    /// The scalar `number` as a value, for operators that take their settings as inputs. The same
    /// number always gives the same value.
    ///
    /// # Errors
    /// [`Error::DuplicateName`] when a value of another kind has the name `constant.NUMBER`.
    pub fn constant(&mut self, number: f32) -> Result<Value, Error> {
        let tensor = Tensor::new(&format!("constant.{number}"), &[], &[number])?;
        match self.find_initializer(tensor.name()) {
            Some(existing) if *existing == tensor => Ok(tensor.value()),
            _ => self.tensor(tensor),
        }
    }

    /// Adds a node with one output, for operators without a method of their own.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the type of the result cannot be inferred; see
    /// [`Graph::node_of_type`].
    pub fn node(&mut self, node: Node) -> Result<Value, Error> {
        self.node_with(node, &BTreeMap::new())
    }

    /// Adds a node with one output of a given type, for operators that this crate cannot infer. An
    /// inferred type must not contradict it.
    ///
    /// # Errors
    /// [`Error::DeclaredType`] when the types contradict; [`Error::Input`] or [`Error::Attribute`]
    /// for what the operator does not accept.
    pub fn node_of_type(&mut self, node: Node, tensor_type: TensorType) -> Result<Value, Error> {
        let declared = BTreeMap::from([(node.name.clone(), tensor_type)]);
        self.node_with(node, &declared)
    }

    fn node_with(&mut self, node: Node, declared: &Declared) -> Result<Value, Error> {
        if node.name.is_empty() {
            let what = format!("the name of a node with operator `{}`", node.op_type);
            return Err(Error::EmptyName { what });
        }
        let types = self.output_types(&node, declared)?;
        let name = node.name.clone();
        let Some(tensor_type) = types.first().cloned().flatten() else {
            let what = format!("the operator `{}` without the type of its result", node.op_type);
            return Err(Error::Unsupported { owner: format!("node `{name}`"), what });
        };
        self.commit(node, types);
        Ok(Value { name, tensor_type })
    }

    /// Makes `value` an output of the graph and renames it to `name`. Inputs, constants and other
    /// outputs keep their names and are passed through an `Identity` node. Returns the output.
    ///
    /// # Errors
    /// [`Error::UndefinedValue`] when the value is not of this graph; [`Error::DuplicateName`].
    pub fn output(&mut self, name: &str, value: &Value) -> Result<Value, Error> {
        let undefined = || Error::undefined(format!("output `{name}`"), &value.name);
        let tensor_type = self.type_of(&value.name).cloned().ok_or_else(undefined)?;
        let result = |node: &Node| node.outputs.contains(&value.name);
        let taken = self.outputs.iter().any(|output| output.name == value.name);
        if taken || !self.nodes.iter().any(result) {
            self.identity(name, value)?;
        } else if name != value.name {
            self.rename(&value.name, name)?;
        }
        let output = Value { name: name.to_owned(), tensor_type };
        self.outputs.push(output.clone());
        Ok(output)
    }

    /// The name of the graph.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The inputs in order.
    pub fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// The outputs in order.
    pub fn outputs(&self) -> &[Value] {
        &self.outputs
    }

    /// The constants in order.
    pub fn initializers(&self) -> &[Tensor] {
        &self.initializers
    }

    /// The constant called `name`.
    pub fn find_initializer(&self, name: &str) -> Option<&Tensor> {
        self.initializers.iter().find(|tensor| tensor.name() == name)
    }

    /// The nodes in topological order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The value called `name`, if its type is known.
    pub fn value(&self, name: &str) -> Option<Value> {
        Some(Value { name: name.to_owned(), tensor_type: self.type_of(name)?.clone() })
    }

    /// The type of the value called `name`, if it is known.
    pub fn type_of(&self, name: &str) -> Option<&TensorType> {
        self.values.get(name)?.as_ref()
    }

    /// Whether there is a value called `name`, of a known type or not.
    pub(crate) fn defines(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Adds a node; the types of its outputs are inferred or declared.
    pub(crate) fn push(&mut self, node: Node, declared: &Declared) -> Result<(), Error> {
        let types = self.output_types(&node, declared)?;
        self.commit(node, types);
        Ok(())
    }

    /// Makes the value called `value.name` an output without renaming; its type must match.
    pub(crate) fn mark_output(&mut self, value: Value) -> Result<(), Error> {
        let Some(known) = self.values.get_mut(&value.name) else {
            return Err(Error::undefined("the list of outputs", &value.name));
        };
        *known = reconcile(&value.name, known.clone(), Some(&value.tensor_type))?;
        let tensor_type = known.clone().unwrap_or(value.tensor_type);
        self.outputs.push(Value { name: value.name, tensor_type });
        Ok(())
    }

    /// Checks a node, and returns the types of its outputs where they are known.
    fn output_types(
        &self,
        node: &Node,
        declared: &Declared,
    ) -> Result<Vec<Option<TensorType>>, Error> {
        self.check_names(node)?;
        let mut inferred = match self.input_types(node)? {
            Some(types) => infer::infer(node, &types)?,
            None => None,
        };
        let outputs = node.outputs.iter();
        outputs.map(|name| reconcile(name, inferred.take(), declared.get(name))).collect()
    }

    fn commit(&mut self, node: Node, types: Vec<Option<TensorType>>) {
        let outputs = node.outputs.iter().cloned().zip(types);
        self.values.extend(outputs.filter(|(name, _)| !name.is_empty()));
        if !node.name.is_empty() {
            self.node_names.insert(node.name.clone());
        }
        self.nodes.push(node);
    }

    /// The types of a node's inputs, with `None` for an omitted one; `None` when one is unknown.
    fn input_types(&self, node: &Node) -> Result<Option<Vec<Option<&TensorType>>>, Error> {
        let mut types = Vec::with_capacity(node.inputs.len());
        let mut all_known = true;
        for name in &node.inputs {
            if name.is_empty() {
                types.push(None);
                continue;
            }
            let user = || format!("node `{}` ({})", node.label(), node.op_type);
            let undefined = || Error::undefined(user(), name);
            let tensor_type = self.values.get(name).ok_or_else(undefined)?.as_ref();
            all_known &= tensor_type.is_some();
            types.push(tensor_type);
        }
        Ok(all_known.then_some(types))
    }

    fn define(&mut self, name: &str, tensor_type: TensorType) -> Result<Value, Error> {
        if name.is_empty() {
            return Err(Error::EmptyName { what: "the name of a value".to_owned() });
        }
        self.check_new_value(name)?;
        self.values.insert(name.to_owned(), Some(tensor_type.clone()));
        Ok(Value { name: name.to_owned(), tensor_type })
    }

    fn check_new_value(&self, name: &str) -> Result<(), Error> {
        if self.values.contains_key(name) {
            return Err(Error::DuplicateName { kind: "value", name: name.to_owned() });
        }
        Ok(())
    }

    /// Rejects a node without operator and duplicate names. Foreign models may omit the names of
    /// nodes.
    fn check_names(&self, node: &Node) -> Result<(), Error> {
        if node.op_type.is_empty() {
            let what = format!("the operator of node `{}`", node.label());
            return Err(Error::EmptyName { what });
        }
        if self.node_names.contains(&node.name) {
            return Err(Error::DuplicateName { kind: "node", name: node.name.clone() });
        }
        let mut own = BTreeSet::new();
        for name in node.outputs.iter().filter(|name| !name.is_empty()) {
            self.check_new_value(name)?;
            if !own.insert(name) {
                return Err(Error::DuplicateName { kind: "value", name: name.clone() });
            }
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Error> {
        self.check_new_value(to)?;
        if let Some(known) = self.values.remove(from) {
            self.values.insert(to.to_owned(), known);
        }
        for node in &mut self.nodes {
            node.rename_value(from, to);
        }
        Ok(())
    }
}

/// Combines the inferred and the declared type of a value.
fn reconcile(
    value: &str,
    inferred: Option<TensorType>,
    declared: Option<&TensorType>,
) -> Result<Option<TensorType>, Error> {
    let (Some(got), Some(expected)) = (&inferred, declared) else {
        return Ok(inferred.or_else(|| declared.cloned()));
    };
    let merged = got.merge(expected).ok_or_else(|| Error::DeclaredType {
        value: value.to_owned(),
        expected: expected.to_string(),
        got: got.to_string(),
    })?;
    Ok(Some(merged))
}
