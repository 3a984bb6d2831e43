"""The vocabulary of a shop: families, goods, makers, people. Makers are invented."""

from __future__ import annotations

from typing import NamedTuple


class Good(NamedTuple):
    """A kind of product, its price range in euros, and details for its description."""

    family: str
    label: str
    prefix: str
    low_euros: int
    high_euros: int
    details: tuple[str, ...]


_FRIDGE = ("315 L", "froid ventilé", "A++", "no frost", "pose libre")
_TV = ("4K UHD", "OLED", "HDR10", "TNT HD", "Smart TV")
_WASH = ("8 kg", "1400 tr/min", "A+++", "9 kg", "départ différé")
_PHONE = ("64 Go", "128 Go", "double SIM", "reconditionné", "débloqué")
_SOUND = ("Bluetooth", "sans fil", "Hi-Res", "réduction de bruit", "2.1")
_PHOTO = ("24 Mpx", "stabilisé", "monture M", "plein format", "étanche")
_SMALL = ("inox", "1200 W", "programmable", "1,7 L", "garantie 2 ans")
_COOK = ("70 L", "pyrolyse", "encastrable", "3 foyers", "chaleur tournante")
_PC = ("8 Go / 256 Go", "16 Go / 512 Go", "clavier AZERTY", "14 pouces", "Wi-Fi 6")

GOODS: tuple[Good, ...] = (
    Good("Frigos", "Réfrigérateur combiné", "RC", 299, 899, _FRIDGE),
    Good("Frigos", "Réfrigérateur américain", "RA", 799, 2199, _FRIDGE),
    Good("Frigos", "Congélateur armoire", "CA", 249, 799, _FRIDGE),
    Good("Frigos", "Mini-frigo", "MF", 99, 219, _FRIDGE),
    Good("Console", "Console de salon", "CS", 199, 549, ("500 Go", "1 To", "2 manettes")),
    Good("Console", "Console portable", "CP", 89, 329, ("32 Go", "64 Go", "étui offert")),
    Good("Console", "Manette sans fil", "MS", 29, 79, ("Bluetooth", "USB-C", "rétroéclairée")),
    Good("TV", "Téléviseur LED 43 pouces", "TL", 249, 499, _TV),
    Good("TV", "Téléviseur 55 pouces", "TV", 449, 1399, _TV),
    Good("TV", "Téléviseur 65 pouces", "TX", 699, 2499, _TV),
    Good("TV", "Support mural orientable", "SM", 15, 89, ("32-55 pouces", "VESA 400", "35 kg")),
    Good("Lave-linge", "Lave-linge frontal", "LF", 279, 899, _WASH),
    Good("Lave-linge", "Lave-linge top", "LT", 299, 699, _WASH),
    Good("Lave-linge", "Sèche-linge pompe à chaleur", "SL", 399, 999, _WASH),
    Good("Téléphonie", "Smartphone", "SP", 99, 1099, _PHONE),
    Good(
        "Téléphonie", "Téléphone fixe sans fil", "TF", 19, 89, ("duo", "répondeur", "mains libres")
    ),
    Good("Téléphonie", "Coque de protection", "CO", 5, 35, ("silicone", "antichoc", "rabat")),
    Good("Audio", "Casque audio", "CB", 19, 379, _SOUND),
    Good("Audio", "Enceinte portable", "EP", 25, 299, _SOUND),
    Good("Audio", "Barre de son", "BS", 89, 799, _SOUND),
    Good("Photo", "Appareil photo hybride", "AH", 399, 2299, _PHOTO),
    Good("Photo", "Objectif 50 mm", "OB", 119, 899, _PHOTO),
    Good("Photo", "Trépied", "TR", 19, 189, ("aluminium", "carbone", "1,60 m")),
    Good("Petit électroménager", "Bouilloire", "BO", 15, 79, _SMALL),
    Good("Petit électroménager", "Cafetière à grains", "CG", 249, 899, _SMALL),
    Good("Petit électroménager", "Robot pâtissier", "RP", 99, 549, _SMALL),
    Good("Petit électroménager", "Aspirateur balai", "AB", 79, 499, _SMALL),
    Good("Cuisson", "Four encastrable", "FE", 199, 999, _COOK),
    Good("Cuisson", "Plaque à induction", "PI", 179, 799, _COOK),
    Good("Informatique", "Ordinateur portable", "OP", 299, 1799, _PC),
    Good("Informatique", "Écran 27 pouces", "EC", 129, 599, ("QHD", "4K", "144 Hz", "USB-C")),
)

MAKERS = (
    "Arcelia", "Boréal", "Nordika", "Vélane", "Kaori", "Lumen", "Domeo", "Orphée", "Tessan",
    "Miral", "Hexa", "Solène",
)  # fmt: skip
COLOURS = ("blanc", "noir", "gris", "inox", "anthracite", "rouge", "bleu nuit")

FIRST_NAMES = (
    "Jean", "Marc", "Anne", "Léa", "Chloé", "Hugo", "Inès", "Zoé", "Noël", "Louis", "Camille",
    "Élodie", "François", "Manon", "Théo", "Sarah", "Jules", "Agnès", "Karim", "Maëlys",
    "Lucas", "Margaux", "Nadia", "Rémi", "Yasmine", "Paul", "Héloïse", "Antoine", "Jeanne",
)  # fmt: skip
LAST_NAMES = (
    "Martin", "Bernard", "Dubois", "Lefèvre", "Moreau", "Garcia", "Roux", "Fournier", "Girard",
    "Bonnet", "Dupont", "Lambert", "Fontaine", "Rousseau", "Vincent", "Müller", "Faure",
    "Mercier", "Blanc", "Guérin", "Boyer", "Garnier", "Chevalier", "Français", "Legrand",
    "Gauthier", "Perrin", "Robin", "Clément", "Morin", "Nguyen", "Henry", "Roussel", "Mathieu",
    "Gautier", "Masson", "Marchand", "Duval", "Denis", "Dumont", "Marie", "Lemaire", "Noël",
    "Meyer", "Dufour", "Meunier", "Brun", "Blanchard", "Giraud", "Joly", "N'Diaye", "Le Goff",
)  # fmt: skip
