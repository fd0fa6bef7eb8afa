//! Every fixture through the embedded sets: as golden files, and against an independent reading of each schema.

mod support; // fixtures in the form of a set

mod golden; // what every set makes of every fixture
mod beside; // what stands beside the maps
mod secrets; // what no set may write
mod ecs; // against the field list of the Elastic Common Schema
mod cim; // against the data models of Splunk's CIM
mod splunk_add_on; // the add-on that gives records of the set splunk-cim their tags
mod log_analytics; // against the columns of the service's tables
mod ocsf; // against the JSON Schemas of the finding classes
mod cef; // against the dictionary of the Common Event Format
mod leef; // against the attributes of the Log Event Extended Format

#[path = "../text_formats/cef_parser.rs"]
mod cef_parser;
#[path = "../text_formats/leef_parser.rs"]
mod leef_parser;
