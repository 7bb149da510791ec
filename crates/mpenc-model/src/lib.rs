#![doc = include_str!("../README.md")]

pub mod action;
pub mod checked;
pub mod effects;
pub mod graph;
pub mod member;
pub mod name;
pub mod packet;
pub mod rest;
pub mod rules;
pub mod search;
pub mod world;
