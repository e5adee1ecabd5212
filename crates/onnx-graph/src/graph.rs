//! The graph: built value by value, valid at every moment.

use std::collections::{BTreeMap, BTreeSet};

use crate::{DataType, Dim, Element, Error, Node, Tensor, TensorType, Value, infer};

/// A computation: inputs, constants, nodes in the order of running, outputs.
///
/// Nodes can only use values that exist already, so that a graph is always in topological order,
/// has no cycles and defines each value once. The typed operators (`conv`, `gemm`, ...) take the
/// name of the new node, which is the name of its result as well.
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

    /// Adds an input, given anew at every run.
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

    /// Adds a constant that is a tensor already.
    ///
    /// # Errors
    /// [`Error::DuplicateName`] or [`Error::EmptyName`].
    pub fn tensor(&mut self, tensor: Tensor) -> Result<Value, Error> {
        let value = self.define(tensor.name(), tensor.tensor_type())?;
        self.initializers.push(tensor);
        Ok(value)
    }

    /// The scalar `number` as a value, for operators that take their settings as inputs. Asking for
    /// the same number again gives the same value.
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
        let owner = format!("node `{}`", node.label());
        let what = format!(
            "the operator `{}` without the type of its result",
            node.op_type
        );
        let output = self.push(node, &BTreeMap::new())?;
        output.ok_or(Error::Unsupported { owner, what })
    }

    /// Adds a node with one output of a given type, for operators that this crate cannot infer.
    /// Where it can, the type must not contradict.
    ///
    /// # Errors
    /// [`Error::DeclaredType`] when the types contradict; else what the operator does not take.
    pub fn node_of_type(&mut self, node: Node, tensor_type: TensorType) -> Result<Value, Error> {
        let name = node.outputs.first().cloned().unwrap_or_default();
        self.push(node, &BTreeMap::from([(name.clone(), tensor_type)]))?
            .ok_or(Error::UndefinedValue {
                user: "the graph".to_owned(),
                value: name,
            })
    }

    /// Makes `value` an output of the graph called `name`, and gives it back under that name. Its
    /// old name is gone, unless it belongs to an input, a constant or another output, which are
    /// passed through an `Identity` node.
    ///
    /// # Errors
    /// [`Error::UndefinedValue`] when the value is not of this graph; [`Error::DuplicateName`].
    pub fn output(&mut self, name: &str, value: &Value) -> Result<Value, Error> {
        let user = format!("output `{name}`");
        if !self.values.contains_key(&value.name) {
            return Err(Error::UndefinedValue {
                user,
                value: value.name.clone(),
            });
        }
        let result = |node: &Node| node.outputs.contains(&value.name);
        let taken = self.outputs.iter().any(|output| output.name == value.name);
        if taken || !self.nodes.iter().any(result) {
            self.identity(name, value)?;
        } else if name != value.name {
            self.rename(&value.name, name)?;
        }
        let output = Value {
            name: name.to_owned(),
            tensor_type: value.tensor_type.clone(),
        };
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
        self.initializers
            .iter()
            .find(|tensor| tensor.name() == name)
    }

    /// The nodes in the order of running.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What is known of the type of the value called `name`.
    pub fn type_of(&self, name: &str) -> Option<&TensorType> {
        self.values.get(name)?.as_ref()
    }

    /// Adds a node; the types of its outputs are what follows from its inputs and what is declared.
    /// Gives the first output where its type is known.
    pub(crate) fn push(
        &mut self,
        node: Node,
        declared: &BTreeMap<String, TensorType>,
    ) -> Result<Option<Value>, Error> {
        self.claim_node_name(&node)?;
        let mut inferred = match self.input_types(&node)? {
            Some(types) => infer::infer(&node, &types)?,
            None => None,
        };
        let mut first = None;
        for (index, output) in node
            .outputs
            .iter()
            .enumerate()
            .filter(|(_, name)| !name.is_empty())
        {
            let known = reconcile(output, inferred.take(), declared.get(output))?;
            self.claim_value_name(output, known.clone())?;
            if index == 0 {
                first = known.map(|tensor_type| Value {
                    name: output.clone(),
                    tensor_type,
                });
            }
        }
        self.nodes.push(node);
        Ok(first)
    }

    /// Makes the value called `value.name` an output without renaming; the types must not
    /// contradict.
    pub(crate) fn mark_output(&mut self, value: Value) -> Result<(), Error> {
        let Some(known) = self.values.get_mut(&value.name) else {
            let user = "the list of outputs".to_owned();
            return Err(Error::UndefinedValue {
                user,
                value: value.name,
            });
        };
        if self.outputs.iter().any(|output| output.name == value.name) {
            return Err(Error::DuplicateName {
                kind: "output",
                name: value.name,
            });
        }
        *known = reconcile(&value.name, known.take(), Some(&value.tensor_type))?;
        let tensor_type = known.clone().unwrap_or(value.tensor_type);
        self.outputs.push(Value {
            name: value.name,
            tensor_type,
        });
        Ok(())
    }

    /// The types of a node's inputs, `None` for one left out; `None` altogether when one is not
    /// known.
    fn input_types(&self, node: &Node) -> Result<Option<Vec<Option<&TensorType>>>, Error> {
        let mut types = Vec::with_capacity(node.inputs.len());
        let mut all_known = true;
        for name in &node.inputs {
            if name.is_empty() {
                types.push(None);
                continue;
            }
            let user = || format!("node `{}` ({})", node.label(), node.op_type);
            let undefined = || Error::UndefinedValue {
                user: user(),
                value: name.clone(),
            };
            let tensor_type = self.values.get(name).ok_or_else(undefined)?.as_ref();
            all_known &= tensor_type.is_some();
            types.push(tensor_type);
        }
        Ok(all_known.then_some(types))
    }

    fn define(&mut self, name: &str, tensor_type: TensorType) -> Result<Value, Error> {
        self.claim_value_name(name, Some(tensor_type.clone()))?;
        Ok(Value {
            name: name.to_owned(),
            tensor_type,
        })
    }

    fn claim_value_name(&mut self, name: &str, known: Option<TensorType>) -> Result<(), Error> {
        if name.is_empty() {
            return Err(Error::EmptyName {
                what: "the name of a value".to_owned(),
            });
        }
        if self.values.contains_key(name) {
            return Err(Error::DuplicateName {
                kind: "value",
                name: name.to_owned(),
            });
        }
        self.values.insert(name.to_owned(), known);
        Ok(())
    }

    /// Names of nodes are unique where there are any; models of others may leave them out.
    fn claim_node_name(&mut self, node: &Node) -> Result<(), Error> {
        if node.op_type.is_empty() {
            return Err(Error::EmptyName {
                what: format!("the operator of node `{}`", node.label()),
            });
        }
        if !node.name.is_empty() && !self.node_names.insert(node.name.clone()) {
            return Err(Error::DuplicateName {
                kind: "node",
                name: node.name.clone(),
            });
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Error> {
        let known = self.values.get(from).cloned().flatten();
        self.claim_value_name(to, known)?;
        self.values.remove(from);
        let names = self
            .nodes
            .iter_mut()
            .flat_map(|node| node.inputs.iter_mut().chain(&mut node.outputs));
        names
            .filter(|name| *name == from)
            .for_each(|name| to.clone_into(name));
        Ok(())
    }
}

/// The type of a value out of what follows from its node and what is declared for it.
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
