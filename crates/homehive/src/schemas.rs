//! The JSON schemas of all answers, by name; `docs/schema/` holds what this makes, and a test keeps the two in step.

use crate::answer::schema;
use crate::verbs;
use ::scenario;
use schemars::Schema;

/// Every schema: the fleet file's, a scenario's, the story's, and one per verb that answers with JSON.
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("fleet", fleet::schema::schema()),
        ("scenario", scenario::schema::schema()),
        ("story", schemars::schema_for!(machine::Event)),
        ("charts-bump", schema::<verbs::ChartsBumpAnswer>("charts-bump")),
        ("charts-outdated", schema::<verbs::ChartsOutdatedAnswer>("charts-outdated")),
        ("check", schema::<verbs::CheckAnswer>("check")),
        ("cluster-apply", schema::<verbs::ClusterApplyAnswer>("cluster-apply")),
        ("cluster-diff", schema::<verbs::ClusterDiffAnswer>("cluster-diff")),
        ("cluster-kubeconfig", schema::<verbs::ClusterKubeconfigAnswer>("cluster-kubeconfig")),
        ("cluster-password", schema::<verbs::ClusterPasswordAnswer>("cluster-password")),
        ("cluster-remove", schema::<verbs::ClusterRemoveAnswer>("cluster-remove")),
        ("cluster-status", schema::<verbs::ClusterStatusAnswer>("cluster-status")),
        ("cluster-up", schema::<verbs::ClusterUpAnswer>("cluster-up")),
        ("deploy", schema::<crate::deploying::DeployAnswer>("deploy")),
        ("disks-apply", schema::<verbs::ApplyAnswer>("disks-apply")),
        ("disks-import", schema::<verbs::ImportAnswer>("disks-import")),
        ("disks-plan", schema::<verbs::PlanAnswer>("disks-plan")),
        ("disks-replace", schema::<verbs::ReplaceAnswer>("disks-replace")),
        ("disks-script", schema::<verbs::ScriptAnswer>("disks-script")),
        ("disks-status", schema::<verbs::StatusAnswer>("disks-status")),
        ("disks-adopt", schema::<verbs::AdoptAnswer>("disks-adopt")),
        ("disks-undo-tables", schema::<verbs::UndoAnswer>("disks-undo-tables")),
        ("generations", schema::<verbs::GenerationsAnswer>("generations")),
        ("init", schema::<verbs::InitAnswer>("init")),
        ("install", schema::<verbs::InstallAnswer>("install")),
        ("iso", schema::<verbs::IsoAnswer>("iso")),
        ("lab-run", schema::<verify::report::Report>("lab-run")),
        ("lab-status", schema::<verbs::LabAnswer>("lab-status")),
        ("probe", schema::<verbs::ProbeAnswer>("probe")),
        ("render", schema::<verbs::RenderAnswer>("render")),
        ("rollback", schema::<crate::deploying::DeployAnswer>("rollback")),
        ("secrets-edit", schema::<verbs::SecretsChangeAnswer>("secrets-edit")),
        ("secrets-init", schema::<verbs::SecretsInitAnswer>("secrets-init")),
        ("secrets-list", schema::<verbs::SecretsListAnswer>("secrets-list")),
        ("secrets-rekey", schema::<verbs::SecretsRekeyAnswer>("secrets-rekey")),
        ("secrets-rotate", schema::<verbs::SecretsChangeAnswer>("secrets-rotate")),
        ("secrets-set", schema::<verbs::SecretsChangeAnswer>("secrets-set")),
        ("show", schema::<fleet::summary::Summary>("show")),
        ("status", schema::<verbs::FleetStatusAnswer>("status")),
        ("verify", schema::<verify::report::Report>("verify")),
        ("write-medium", schema::<verbs::WriteMediumAnswer>("write-medium")),
    ]
}

#[cfg(test)]
mod tests {
    use super::all;
    use std::path::Path;

    /// `UPDATE_SCHEMAS=1` writes them.
    #[test]
    fn the_checked_in_schemas_are_these() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
        for (name, schema) in all() {
            let file = dir.join(format!("{name}.schema.json"));
            let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                std::fs::create_dir_all(&dir).unwrap();
                std::fs::write(&file, &text).unwrap();
            }
            let found = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(found == text, "{} is not in step; UPDATE_SCHEMAS=1 cargo test writes it", file.display());
        }
    }
}
