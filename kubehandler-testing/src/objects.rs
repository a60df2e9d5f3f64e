//! The objects on the server, as the test reads and writes them.

use http::Request as HttpRequest;
use kubehandler::{
    InvalidObjectKey, ObjectKey,
    kube::{
        self, Resource,
        core::{
            ObjectList, Request,
            params::{DeleteParams, GetParams, ListParams, PostParams},
            request::Error as RequestError,
        },
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::kit::TestKit;

/// How often an update starts again because somebody else wrote in between.
const CONFLICTS: u32 = 10;

/// Why an object could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The key is no `namespace/name`.
    #[error(transparent)]
    Key(#[from] InvalidObjectKey),
    /// The server refused.
    #[error("the server refused ({code}): {message}")]
    #[non_exhaustive]
    Refused {
        /// Such as 404.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// There is such an object, and its status is no subresource.
    #[error(
        "`{kind}` has no status subresource: a status within the object is written by `update`, and a \
         custom resource gets a subresource by `subresources: {{status: {{}}}}` in its definition"
    )]
    #[non_exhaustive]
    NoStatus {
        /// The kind, such as `ConfigMap`.
        kind: String,
    },
    /// The request could not be made, or its answer is not of the shape of the Rust type.
    #[error("the request failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ObjectError {
    /// Returns true if the server has no such object.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. })
    }

    fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }
}

impl From<kube::Error> for ObjectError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused {
                code: status.code,
                message: status.message,
            },
            other => Self::failed(other),
        }
    }
}

/// The objects. Keys are written as `namespace/name`, or as `name` for a cluster-scoped kind.
impl TestKit {
    /// Returns the object.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kubehandler::k8s::ConfigMap;
    /// # async fn example(kit: kubehandler_testing::TestKit) -> anyhow::Result<()> {
    /// let map: ConfigMap = kit.get("default/settings").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if there is none, see [`find`](Self::find).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn get<K>(&self, key: &str) -> Result<K, ObjectError>
    where
        K: Resource<DynamicType: Default> + DeserializeOwned,
    {
        let key: ObjectKey = key.parse()?;
        let request = collection::<K>(key.namespace()).get(key.name(), &GetParams::default());
        self.send(request).await
    }

    /// Returns the object, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the key is none, or if a fault strikes the request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn find<K>(&self, key: &str) -> Result<Option<K>, ObjectError>
    where
        K: Resource<DynamicType: Default> + DeserializeOwned,
    {
        match self.get(key).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns all objects of the kind, of all namespaces, in the order of their keys.
    ///
    /// # Errors
    ///
    /// Fails if the server does not have the kind.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn list<K>(&self) -> Result<Vec<K>, ObjectError>
    where
        K: Resource<DynamicType: Default> + DeserializeOwned + Clone,
    {
        let request = collection::<K>(None).list(&ListParams::default());
        let list: ObjectList<K> = self.send(request).await?;
        Ok(list.items)
    }

    /// Reads the object, lets `change` change it, and writes it; returns it as it was written.
    ///
    /// Where the status is a subresource it is not written: [`set_status`](Self::set_status) does.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kubehandler::k8s::ConfigMap;
    /// # async fn example(kit: kubehandler_testing::TestKit) -> anyhow::Result<()> {
    /// kit.update("default/settings", |map: &mut ConfigMap| map.immutable = Some(true)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if there is none, or if the server refuses the change.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the object changed or not.
    pub async fn update<K>(&self, key: &str, change: impl Fn(&mut K)) -> Result<K, ObjectError>
    where
        K: Resource<DynamicType: Default> + DeserializeOwned + Serialize,
    {
        let params = PostParams::default();
        let request = |all: &Request, name: &str, body: Vec<u8>| all.replace(name, &params, body);
        self.change(key, change, request).await
    }

    /// Reads the object, lets `change` change its status, and writes that; returns the object.
    ///
    /// It does what the cluster's own controllers or the kubelet would do, none of which run here.
    /// The status alone is written, as a real server does it: changes of anything else are lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kubehandler::k8s::Deployment;
    /// # async fn example(kit: kubehandler_testing::TestKit) -> anyhow::Result<()> {
    /// kit.set_status("default/web", |web: &mut Deployment| {
    ///     web.status.get_or_insert_default().ready_replicas = Some(3);
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if there is no such object, with [`NoStatus`](ObjectError::NoStatus) if its kind has no
    /// status subresource, or if the server refuses the change.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the status changed or not.
    pub async fn set_status<K>(&self, key: &str, change: impl Fn(&mut K)) -> Result<K, ObjectError>
    where
        K: Resource<DynamicType: Default> + DeserializeOwned + Serialize,
    {
        let params = PostParams::default();
        let request = |all: &Request, name: &str, body: Vec<u8>| {
            all.replace_subresource("status", name, &params, body)
        };
        let answer = self.change(key, change, request).await;
        if answer.as_ref().is_err_and(ObjectError::is_not_found) {
            // Is it the object that is not found, or its part?
            self.get::<K>(key).await?;
            let kind = K::kind(&K::DynamicType::default()).into_owned();
            return Err(ObjectError::NoStatus { kind });
        }
        answer
    }

    /// Deletes the object; with finalizers it stays until they are gone.
    ///
    /// # Errors
    ///
    /// Fails if there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the object deleted or not.
    pub async fn delete<K>(&self, key: &str) -> Result<(), ObjectError>
    where
        K: Resource<DynamicType: Default>,
    {
        let key: ObjectKey = key.parse()?;
        let request = collection::<K>(key.namespace()).delete(key.name(), &DeleteParams::default());
        let _: Value = self.send(request).await?;
        Ok(())
    }

    /// Reads the object, changes it and writes it with `request`, again after a conflict.
    async fn change<K>(
        &self,
        key: &str,
        change: impl Fn(&mut K),
        request: impl Fn(&Request, &str, Vec<u8>) -> Result<HttpRequest<Vec<u8>>, RequestError>,
    ) -> Result<K, ObjectError>
    where
        K: Resource<DynamicType: Default> + DeserializeOwned + Serialize,
    {
        let name: ObjectKey = key.parse()?;
        let all = collection::<K>(name.namespace());
        let mut conflicts = 0;
        loop {
            let mut object: K = self.get(key).await?;
            change(&mut object);
            let body = serde_json::to_vec(&object).map_err(ObjectError::failed)?;
            match self.send(request(&all, name.name(), body)).await {
                Err(ObjectError::Refused { code: 409, .. }) if conflicts < CONFLICTS => {
                    conflicts += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: Result<HttpRequest<Vec<u8>>, RequestError>,
    ) -> Result<T, ObjectError> {
        let request = request.map_err(ObjectError::failed)?;
        Ok(self.client().request(request).await?)
    }
}

fn collection<K: Resource<DynamicType: Default>>(namespace: Option<&str>) -> Request {
    Request::new(K::url_path(&K::DynamicType::default(), namespace))
}
